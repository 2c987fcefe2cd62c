/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes quantities ("64Mi", "1.5Gi", "100m", "1e3"): resource.Quantity of apimachinery. */
#pragma once

#include <stdint.h>

#include <beeline/err.h>

/* As a whole number, rounded up ("100m" of 1 is 1). Negative and overflowing ones are refused. */
int bl_quantity_parse(const char *text, int64_t *ret_value, struct bl_err *err);
/* In thousandths, rounded up: "100m" is 100, "2" is 2000. */
int bl_quantity_parse_milli(const char *text, int64_t *ret_milli, struct bl_err *err);
/* Bytes as the shortest exact binary form: "64Mi". */
const char *bl_quantity_format_bytes(int64_t bytes, char text[32]);
