/* SPDX-License-Identifier: MIT */
/* cppcheck: arrayIndexOutOfBounds */
int last(void);

int last(void)
{
	int table[4] = { 1, 2, 3, 4 };
	int i = 0;

	while (i < 4)
		i++;
	return table[i];
}
