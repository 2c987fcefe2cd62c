/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people: ages and sizes in kubectl's forms, and text from objects made harmless for a
 * terminal. Pure functions; nothing here writes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A copy without escape sequences (CSI, OSC, DCS and their 8-bit forms), control characters,
 * bidirectional overrides and broken UTF-8. The first keeps to one line (newline and tab become a
 * space), the second keeps newline and tab. The caller frees; NULL gives "". */
char *text_clean(const char *text);
char *text_clean_block(const char *text);

/* Columns of a clean text: its code points. */
size_t text_width(const char *text);

/* "5s", "3m20s", "4d2h" as kubectl shortens an age (apimachinery's HumanDuration). */
#define TEXT_AGE_MAX 64
const char *text_age(int64_t seconds, char text[TEXT_AGE_MAX]);

/* "512 B", "38.4 MiB". */
#define TEXT_BYTES_MAX 32
const char *text_bytes(uint64_t bytes, char text[TEXT_BYTES_MAX]);

/* "printableStatus" to "Printable Status", as kubectl describes a field. The caller frees. */
char *text_title(const char *key);
