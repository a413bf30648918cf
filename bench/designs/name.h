/* SPDX-License-Identifier: MIT */
/* DESIGN_NAME(it): DESIGN_it, a name of this design's own. DESIGN_TITLE: its own name. */
#ifndef DESIGN_NAME

#define DESIGN_PASTE(design, name) design##_##name
#define DESIGN_EXPAND(design, name) DESIGN_PASTE(design, name)
#define DESIGN_NAME(name) DESIGN_EXPAND(DESIGN, name)

#define DESIGN_QUOTE(design) #design
#define DESIGN_QUOTED(design) DESIGN_QUOTE(design)
#define DESIGN_TITLE DESIGN_QUOTED(DESIGN)

#endif
