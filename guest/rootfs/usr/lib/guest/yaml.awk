# SPDX-License-Identifier: Apache-2.0
# The YAML that people write into user-data, and JSON, which is YAML too, as lines of
#   path<TAB>value          hostname<TAB>vm-01          runcmd.0<TAB>echo hello
# List items count from 0. In values, a backslash, tab and newline are written \\, \t and \n.
# Knows maps and lists by indentation, [flow, {lists: and maps}], quotes, | and > blocks, comments.
# Does not know anchors, tags, several documents, or plain scalars that go on in the next line.

function emit(path, text) {
	gsub(/\\/, "\\\\", text)
	gsub(/\t/, "\\t", text)
	gsub(/\n/, "\\n", text)
	print prefix path "\t" text
}

function join(path, key) {
	return path == "" ? key : path "." key
}

# ---- one line: "quoted", 'quoted' or plain up to a stop sign; at is where we are in flow text ----

function quoted(    mark, text, c) {
	mark = substr(flow, at++, 1)
	text = ""
	while (at <= length(flow)) {
		c = substr(flow, at++, 1)
		if (c == mark) {
			if (mark == "'" && substr(flow, at, 1) == "'")
				at++
			else
				return text
		} else if (c == "\\" && mark == "\"") {
			c = substr(flow, at++, 1)
			c = c == "n" ? "\n" : c == "t" ? "\t" : c
		}
		text = text c
	}
	return text
}

function plain(stops,    from) {
	from = at
	while (at <= length(flow) && index(stops, substr(flow, at, 1)) == 0)
		at++
	return trim(substr(flow, from, at - from))
}

function trim(text) {
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	return text
}

function skip_space() {
	while (substr(flow, at, 1) ~ /[ \t\n]/)
		at++
}

function word(stops) {
	return substr(flow, at, 1) ~ /["']/ ? quoted() : plain(stops)
}

function flow_value(path,    c) {
	skip_space()
	c = substr(flow, at, 1)
	if (c == "{")
		flow_map(path)
	else if (c == "[")
		flow_list(path)
	else
		emit(path, word(",]}"))
	skip_space()
}

function flow_map(path,    key) {
	at++
	for (skip_space(); at <= length(flow) && substr(flow, at, 1) != "}"; skip_space()) {
		key = word(":,}")
		skip_space()
		at++ # ':'
		flow_value(join(path, key))
		if (substr(flow, at, 1) == ",")
			at++
	}
	at++
}

function flow_list(path,    n) {
	at++
	n = 0
	for (skip_space(); at <= length(flow) && substr(flow, at, 1) != "]"; skip_space()) {
		flow_value(join(path, n++))
		if (substr(flow, at, 1) == ",")
			at++
	}
	at++
}

# ---- indentation: a stack of open maps and lists -------------------------------------------------

# Closes what is deeper than this line, opens a map or list if none stands at its indentation.
function level(indent, is_list) {
	while (depth > 0 && (indents[depth] > indent ||
			     (indents[depth] == indent && lists[depth] && !is_list)))
		depth--
	if (depth == 0 || indents[depth] < indent || (is_list && !lists[depth])) {
		depth++
		indents[depth] = indent
		lists[depth] = is_list
		counts[depth] = 0
		bases[depth] = depth > 1 ? paths[depth - 1] : ""
	}
}

function scalar(path, text) {
	if (text ~ /^[|>][-+0-9]*$/) {
		block = substr(text, 1, 1)
		block_path = path
		block_text = ""
		block_indent = -1
		return
	}
	flow = text
	at = 1
	if (text ~ /^[[{]/)
		flow_value(path)
	else if (text ~ /^["']/)
		emit(path, quoted())
	else if (text != "")
		emit(path, text)
}

function line(indent, text,    rest, key) {
	if (text ~ /^- / || text == "-") {
		level(indent, 1)
		paths[depth] = join(bases[depth], counts[depth]++)
		rest = substr(text, 2)
		match(rest, /^ */)
		line(indent + 1 + RLENGTH, substr(rest, RLENGTH + 1))
	} else if (match(text, /^("[^"]*"|'[^']*'|[^ "'#[{][^:]*): */) || match(text, /^[^ "'#[{:][^:]*:$/)) {
		rest = substr(text, RLENGTH + 1)
		key = trim(substr(text, 1, index(text, ":") - 1))
		gsub(/^["']|["']$/, "", key)
		if (rest != "" && substr(text, RLENGTH, 1) == ":") {
			scalar(paths[depth], text) # "a:b" is no key
			return
		}
		level(indent, 0)
		paths[depth] = join(bases[depth], key)
		scalar(paths[depth], rest)
	} else {
		scalar(paths[depth], text)
	}
}

function end_block() {
	sub(/\n+$/, "", block_text)
	emit(block_path, block_text)
	block = ""
}

{
	sub(/\r$/, "")
	match($0, /^ */)
	indent = RLENGTH
	text = substr($0, indent + 1)
}

block != "" {
	if (text != "" && block_indent < 0)
		block_indent = indent
	if (text == "" || (indent >= block_indent && indent > indents[depth])) {
		block_text = block_text substr($0, block_indent + 1) (block == "|" ? "\n" : " ")
		next
	}
	end_block()
}

text == "" || text ~ /^#/ || text ~ /^(---|\.\.\.)/ { next }

# A document in JSON, on however many lines.
depth == 0 && text ~ /^[{[]/ || json != "" {
	json = json $0 "\n"
	next
}

{
	if (text !~ /["']/)
		sub(/ +#.*$/, "", text)
	sub(/ +$/, "", text)
	line(indent, text)
}

END {
	if (block != "")
		end_block()
	if (json != "") {
		flow = json
		at = 1
		flow_value("")
	}
}
