/* SPDX-License-Identifier: MIT */
/* All that is measured. */
#include "rows.h"

static const struct design *const resv[] = {
	&ours_resv_rows, &flat_resv_rows, &inline_resv_rows, &classic_resv_rows,
};

const struct family families[] = {
	{ "reservation", resv, COUNT(resv) },
};
const unsigned int families_count = COUNT(families);
