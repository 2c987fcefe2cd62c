// SPDX-License-Identifier: Apache-2.0
/*
 * The space of protocols and ports is cut into cells at every edge that a row has, so that each cell has
 * one answer:
 *
 *   [all protocols that no row names] [TCP: ports that no row names] [TCP 0-79] [TCP 80] [TCP 81-65535] ...
 *
 * Rows are painted over the cells in their order. A painted cell is decided; one that a row passes is
 * closed until the next tier. Open cells are found by skipping over runs of others, so the work grows
 * with rows plus cells and not with their product.
 *
 * Blocks are written where the answer is another than that of the broader block: any protocol, a
 * protocol, ports.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/abi.h>
#include <beeline/file.h>

#include "portspace.h"

#define PORTS     65536u
#define UNDECIDED UINT32_MAX

struct cells {
	uint32_t *edges;   /* per cell: its first port */
	uint32_t *decided; /* per cell: the row */
	uint32_t *next;    /* per cell and one more: no cell from here up to next[] is open */
	uint32_t n_cells;
	/* Of protocol p: from[p] is the cell of ports that no row names, [from[p] + 1, to[p]) are the
	 * ports. 0: no row names p. */
	uint32_t from[256], to[256];
};

static uint32_t breadth(const struct port_row *row)
{
	return row->any_protocol ? 2 * PORTS : (uint32_t)row->last - row->first;
}

/* Of equal ranks the broader first: the narrower then has nothing to say. */
static int compare_rows(const void *a, const void *b)
{
	const struct port_row *x = a, *y = b;
	uint32_t bx = breadth(x), by = breadth(y);

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (bx != by)
		return bx > by ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static int compare_edges(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The cells of one protocol, behind those that are there. */
static void cut_protocol(struct cells *cells, uint8_t protocol, const struct port_row *rows,
			 size_t n_rows)
{
	uint32_t *edges = cells->edges, first = cells->n_cells + 1, n = first;

	edges[n++] = 0;
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].any_protocol || rows[i].protocol != protocol)
			continue;
		edges[n++] = rows[i].first;
		if (rows[i].last < PORTS - 1)
			edges[n++] = rows[i].last + 1u;
	}
	qsort(edges + first, n - first, sizeof(*edges), compare_edges);
	cells->from[protocol] = cells->n_cells;
	cells->n_cells = first;
	for (uint32_t i = first; i < n; i++)
		if (i == first || edges[i] != edges[cells->n_cells - 1])
			edges[cells->n_cells++] = edges[i];
	cells->to[protocol] = cells->n_cells;
}

static struct cells cut(const struct port_row *rows, size_t n_rows)
{
	struct cells cells = {.n_cells = 1};
	bool named[256] = {false};
	size_t most = 1 + n_rows * 4;

	cells.edges = bl_alloc(most * sizeof(*cells.edges));
	for (size_t i = 0; i < n_rows; i++)
		if (!rows[i].any_protocol)
			named[rows[i].protocol] = true;
	for (unsigned int protocol = 0; protocol < 256; protocol++)
		if (named[protocol])
			cut_protocol(&cells, (uint8_t)protocol, rows, n_rows);
	cells.decided = bl_alloc(cells.n_cells * sizeof(*cells.decided));
	memset(cells.decided, 0xff, cells.n_cells * sizeof(*cells.decided));
	cells.next = bl_alloc((cells.n_cells + 1) * sizeof(*cells.next));
	return cells;
}

static void release(struct cells *cells)
{
	free(cells->edges);
	free(cells->decided);
	free(cells->next);
}

/* The cell of a protocol that begins at this port. */
static uint32_t cell_at(const struct cells *cells, uint8_t protocol, uint32_t port)
{
	uint32_t low = cells->from[protocol] + 1, high = cells->to[protocol];

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (cells->edges[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t open_from(struct cells *cells, uint32_t cell)
{
	while (cells->next[cell] != cell) {
		cells->next[cell] = cells->next[cells->next[cell]];
		cell = cells->next[cell];
	}
	return cell;
}

static void paint(struct cells *cells, uint32_t from, uint32_t to, const struct port_row *row,
		  uint32_t index)
{
	for (uint32_t cell = open_from(cells, from); cell < to; cell = open_from(cells, cell)) {
		if (RANK_VERDICT(row->rank) != BL_RULE_PASS)
			cells->decided[cell] = index;
		cells->next[cell] = cell + 1;
	}
}

static void paint_row(struct cells *cells, const struct port_row *row, uint32_t index)
{
	uint8_t protocol = row->protocol;

	if (row->any_protocol)
		paint(cells, 0, cells->n_cells, row, index);
	else if (row->first == 0 && row->last == PORTS - 1)
		paint(cells, cells->from[protocol], cells->to[protocol], row, index);
	else
		paint(cells, cell_at(cells, protocol, row->first),
		      cell_at(cells, protocol, row->last + 1u), row, index);
}

/* What is undecided is open to a new tier. */
static void open_tier(struct cells *cells)
{
	cells->next[cells->n_cells] = cells->n_cells;
	for (uint32_t cell = cells->n_cells; cell-- > 0;)
		cells->next[cell] =
			cells->decided[cell] == UNDECIDED ? cell : cells->next[cell + 1];
}

static void decide(struct cells *cells, const struct port_row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		if (i == 0 || RANK_TIER(rows[i].rank) != RANK_TIER(rows[i - 1].rank))
			open_tier(cells);
		paint_row(cells, &rows[i], (uint32_t)i);
	}
}

/* ---- blocks ------------------------------------------------------------------------------------- */

struct writer {
	const struct port_row *rows;
	struct port_blocks blocks;
};

static void write_block(struct writer *writer, uint32_t row, uint8_t prefixlen, uint8_t protocol,
			uint32_t port)
{
	struct port_blocks *blocks = &writer->blocks;

	if ((blocks->n_items & (blocks->n_items - 1)) == 0)
		blocks->items = bl_realloc(blocks->items,
					   (blocks->n_items * 2 + 1) * sizeof(*blocks->items));
	blocks->items[blocks->n_items++] = (struct port_block){
		.rank = writer->rows[row].rank,
		.rule = writer->rows[row].rule,
		.port = (uint16_t)port,
		.protocol = protocol,
		.prefixlen = prefixlen,
	};
}

/* Powers of two that lie at a multiple of themselves: at most 30 for any range. */
static void write_range(struct writer *writer, uint32_t row, uint8_t protocol, uint32_t first,
			uint32_t end)
{
	while (first < end) {
		uint32_t size = first ? first & -first : PORTS;

		while (size > end - first)
			size /= 2;
		write_block(writer, row, (uint8_t)(BL_POLICY_PREFIX_FULL - __builtin_ctz(size)),
			    protocol, first);
		first += size;
	}
}

/* Does the row say just what the broader block says? */
static bool adds_nothing(const struct writer *writer, uint32_t row, uint32_t broader)
{
	if (row == UNDECIDED || broader == UNDECIDED) {
		assert(row != UNDECIDED || broader == UNDECIDED);
		return row == broader;
	}
	return writer->rows[row].rank == writer->rows[broader].rank;
}

static bool is_uniform(const struct cells *cells, uint32_t from, uint32_t to)
{
	for (uint32_t cell = from; cell < to; cell++)
		if (cells->decided[cell] != cells->decided[from])
			return false;
	return true;
}

static void write_protocol(struct writer *writer, const struct cells *cells, uint8_t protocol)
{
	uint32_t rest = cells->from[protocol], from = rest + 1, to = cells->to[protocol];
	uint32_t broader = cells->decided[0], whole = cells->decided[rest];

	if (is_uniform(cells, from, to))
		whole = cells->decided[from];
	if (!adds_nothing(writer, whole, broader)) {
		write_block(writer, whole, BL_POLICY_PREFIX_PROTOCOL, protocol, 0);
		broader = whole;
	}
	for (uint32_t cell = from, end; cell < to; cell = end) {
		uint32_t row = cells->decided[cell];

		for (end = cell + 1; end < to && cells->decided[end] == row;)
			end++;
		if (!adds_nothing(writer, row, broader))
			write_range(writer, row, protocol, cells->edges[cell],
				    end < to ? cells->edges[end] : PORTS);
	}
}

void portspace_solve(struct port_row *rows, size_t n_rows, struct port_blocks *ret_blocks)
{
	struct writer writer = {.rows = rows};
	struct cells cells;

	qsort(rows, n_rows, sizeof(*rows), compare_rows);
	cells = cut(rows, n_rows);
	decide(&cells, rows, n_rows);
	if (cells.decided[0] != UNDECIDED)
		write_block(&writer, cells.decided[0], BL_POLICY_PREFIX_FIXED, 0, 0);
	for (unsigned int protocol = 0; protocol < 256; protocol++)
		if (cells.to[protocol])
			write_protocol(&writer, &cells, (uint8_t)protocol);
	release(&cells);
	*ret_blocks = writer.blocks;
}
