#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fetch.sh DIR PACKAGE...: downloads Debian packages and unpacks them, all into one tree, DIR.
# A package that only names another, as linux-image-amd64 does, brings in what it names.
# Nothing is installed on this machine, and apt checks the archive's signatures.
set -eu

dir=$1
shift

real_names() {
	for package; do
		case $package in
		linux-image-*) apt-cache depends "$package" | sed -n 's/^ *Depends: //p' ;;
		*) echo "$package" ;;
		esac
	done
}

# As root, apt warns that its unprivileged user cannot write here; it then goes on as root.
download() {
	names=$(real_names "$@") && [ "$names" ] &&
		(cd "$part/.debs" && apt-get -qq -o APT::Sandbox::User=root download $names)
}

part=$dir.part
rm -rf "$part" "$dir"
mkdir -p "$part/.debs"
# Lists that are missing, or older than what the archive still has, are the usual reason to fail.
download "$@" || {
	echo "fetch.sh: trying once more with fresh package lists" >&2
	(flock 9 && apt-get -qq update) 9<"$0" # apt does not wait for another that fetches lists
	download "$@"
}
for deb in "$part"/.debs/*.deb; do
	dpkg-deb -x "$deb" "$part"
done
rm -rf "$part/.debs"
mv "$part" "$dir"
touch "$dir" # its time is when it was made, not when the packages were
