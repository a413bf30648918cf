/* SPDX-License-Identifier: MIT */
/* Is it JSON? By the grammar (RFC 8259), and in UTF-8; nothing else is looked at. */
#ifndef JSON_H
#define JSON_H

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Each takes what it knows off the front of the text; false: that is not there. */

static inline bool json_char(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

static inline void json_blank(const char **text)
{
	*text += strspn(*text, " \t\r\n");
}

static inline bool json_word(const char **text, const char *word)
{
	const size_t length = strlen(word);

	if (strncmp(*text, word, length))
		return false;
	*text += length;
	return true;
}

static inline bool json_number(const char **text)
{
	size_t digits;

	json_char(text, '-');
	digits = strspn(*text, "0123456789");
	if (!digits || (digits > 1 && **text == '0'))
		return false;
	*text += digits;
	return true;
}

/* A character outside of ASCII: how many bytes; 0: malformed. */
static inline size_t json_utf8(const unsigned char *s)
{
	static const unsigned char least[] = { 0, 0x80, 0x80, 0xa0, 0x90 };
	const size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4 || s[1] < 0x80)
		return 0;
	if ((s[0] == 0xe0 && s[1] < least[3]) || (s[0] == 0xf0 && s[1] < least[4]))
		return 0;
	if ((s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

static inline bool json_escape(const char **text)
{
	if (json_char(text, 'u')) {
		for (unsigned int i = 0; i < 4; i++) {
			if (!isxdigit((unsigned char)**text))
				return false;
			++*text;
		}
		return true;
	}
	return **text && strchr("\"\\/bfnrt", *(*text)++);
}

static inline bool json_string(const char **text)
{
	if (!json_char(text, '"'))
		return false;
	while (!json_char(text, '"')) {
		const unsigned char c = (unsigned char)**text;
		const size_t length =
			c < 0x80 ? c >= 0x20 : json_utf8((const unsigned char *)*text);

		if (!length)
			return false;
		*text += length;
		if (c == '\\' && !json_escape(text))
			return false;
	}
	return true;
}

static inline bool json_value(const char **text);

static inline bool json_list(const char **text, char end, bool has_keys)
{
	json_blank(text);
	if (json_char(text, end))
		return true;
	do {
		json_blank(text);
		if (has_keys && (!json_string(text) || !json_char(text, ':')))
			return false;
		if (!json_value(text))
			return false;
	} while (json_char(text, ','));
	return json_char(text, end);
}

static inline bool json_value(const char **text)
{
	bool good;

	json_blank(text);
	if (json_char(text, '{'))
		good = json_list(text, '}', true);
	else if (json_char(text, '['))
		good = json_list(text, ']', false);
	else if (**text == '"')
		good = json_string(text);
	else
		good = json_word(text, "true") || json_word(text, "false") ||
		       json_word(text, "null") || json_number(text);
	json_blank(text);
	return good;
}

static inline bool is_json(const char *text)
{
	return json_value(&text) && !*text;
}

#endif
