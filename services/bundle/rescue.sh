#!/bin/sh
# Copies what is hidden on the bricks of a GlusterFS volume to a staging directory, and later back through the mount. A
# hidden file is complete on a brick and marked as a pointer to another one: whoever looks its name up through a client
# mount, read-only or not, can delete this last copy. So this script looks at bricks only, and changes nothing on them;
# with --back it takes the copies from the staging directory.
#
# How it is built, because it runs as root against hostile names:
# - Paths come from NUL-terminated data only, through GNU xargs, as positional parameters. There is no eval.
# - A directory of a brick is entered and held against the path that it must have: no symlink on the way is followed.
# - Nothing that others named reaches the terminal but through cat -v.
set -u -f
LC_ALL=C
export LC_ALL
umask 077
unset CDPATH ENV BASH_ENV POSIXLY_CORRECT RSYNC_OLD_ARGS RSYNC_PROTECT_ARGS RSYNC_ICONV RSYNC_PARTIAL_DIR \
  RSYNC_CHECKSUM_LIST RSYNC_COMPRESS_LIST RSYNC_PROXY
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

usage() {
  cat <<'EOF'
usage: rescue.sh [--apply] STAGING
       rescue.sh --back [--unproven] [--apply] STAGING MOUNT

Copies every hidden file of this bundle off its brick into STAGING, a directory of its own on another file system, checks
each copy, and gives it the owner and the mode that the file had. Run it on each brick host before anything looks at the
volume. It reads the bricks and changes nothing on them. Without --apply it says what it would do.

  --back       copies what lies in STAGING to its place below MOUNT, a client mount of the volume, where no file has the
               name. Only after every hidden file of every brick host is in STAGING.
  --unproven   with --back: also what no backup confirms: it may be newer than every backup, or not written to its end

exit codes: 0 done, 1 some files could not be copied, 2 failed, 4 a guard refused. Running it again continues.
EOF
}

shown() { printf '%s' "$1" | cat -v; }
die() {
  code=$1
  printf 'rescue.sh: ' >&2
  shown "$2" >&2
  printf '\n' >&2
  shift 2
  for line do { printf '  ' ; shown "$line"; printf '\n'; } >&2; done
  exit "$code"
}

apply=0 back=0 unproven=0
while [ $# -gt 0 ]; do
  case $1 in
    --apply) apply=1 ;;
    --back) back=1 ;;
    --unproven) unproven=1 ;;
    -h | --help) usage; exit 0 ;;
    --) shift; break ;;
    -*) usage >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
[ $# = $((1 + back)) ] || { usage >&2; exit 2; }
for tool in xargs stat cmp cp sha256sum awk; do
  command -v "$tool" >/dev/null 2>&1 || die 2 "$tool is not installed"
done
printf 'a\0' | xargs -0 -r true 2>/dev/null || die 2 "GNU xargs is needed (findutils)"

# Whose bricks it reads. Empty: all of the bundle are on one host. '?': each host has a script of its own.
HOST=
[ "$HOST" != '?' ] || [ "$back" = 1 ] ||
  die 2 "the bricks of this bundle are on several hosts, and each has its own script" "run rescue-HOST.sh on that HOST"

here=$(cd -P -- "$(dirname -- "$0")" && pwd -P && printf x) || die 2 "cannot enter the bundle"
here=${here%?x}
[ -f "$here/hidden0" ] || die 2 "this is no rescue directory of a bundle: $here"
(cd -P -- "$here/.." && grep -E ' rescue/' SHA256SUMS | sha256sum -c --quiet --strict -) >/dev/null 2>&1 ||
  die 4 "the lists are not as they were written: write the bundle again"

# Where a path lies, by the mount table: nothing is looked up.
gluster_at() {
  T=$1 awk '
    BEGIN {
      t = ENVIRON["T"]
      gsub(/\\/, "\\134", t); gsub(/ /, "\\040", t); gsub(/\t/, "\\011", t); gsub(/\n/, "\\012", t)
      if (t != "/") t = t "/"
      best = 0; found = 0
    }
    {
      for (i = 7; i <= NF && $i != "-"; i++) ;
      type = $(i + 1)
      at = $5 == "/" ? "/" : $5 "/"
      if (substr(t, 1, length(at)) == at && length(at) >= best) {
        best = length(at)
        found = type ~ /^(fuse\.)?glusterfs$/ || (type == "fuse" && $(i + 2) ~ /^glusterfs(#|$)/)
      }
    }
    END { exit found ? 0 : 1 }' /proc/self/mountinfo
}
absolute() {
  case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac
}
STAGING=$(absolute "$1"; printf x)
STAGING=${STAGING%x}
! gluster_at "$STAGING" || die 4 "STAGING is on a GlusterFS mount: choose a place on another file system"
[ -d "$STAGING" ] || die 2 "STAGING is not a directory: $STAGING" "make it first: mkdir -p, on a file system with room, and not on a brick"
STAGING=$(cd -P -- "$STAGING" && pwd -P && printf x) || die 2 "cannot enter STAGING"
STAGING=${STAGING%?x}
up=$STAGING
while :; do
  if [ -e "$up/.glusterfs/00/00" ]; then die 4 "STAGING is on a brick: $up" "nothing may be written to a brick: choose another place"; fi
  [ -n "$up" ] || break
  up=${up%/*}
done
owner=$(stat -c '%u %a' -- "$STAGING") || die 2 "cannot look at STAGING"
case $owner in
  "$(id -u) "*[2367][0-7] | "$(id -u) "*[0-7][2367]) die 4 "others can write to STAGING: chmod go-w it" ;;
  "$(id -u) "*) ;;
  *) die 4 "STAGING belongs to somebody else" ;;
esac
export STAGING APPLY=$apply UNPROVEN=$unproven HOST
# The XXH64 of a file; nothing where no program can tell.
XXH=''
for tool in xxhsum xxh64sum; do
  [ -n "$XXH" ] || ! command -v "$tool" >/dev/null 2>&1 || XXH=$tool
done
export XXH

# Records of ten fields: brick, host, path, where it goes below STAGING, size, xxh64, mode, uid, gid, mtime in ns.
if [ "$back" = 0 ]; then
  result=$(xargs -0 -r -x -n 10 sh -c '
    [ -z "$HOST" ] || [ "$HOST" = "$2" ] || exit 0
    brick=$1 path=$3 to=$4 size=$5 xxh64=$6 mode=$7 uid=$8 gid=$9
    shift; mtime=$9
    say() { { printf "%s: " "$1"; printf "%s on %s" "$path" "$brick" | cat -v; printf "\n"; } >&2; }
    note() { printf "%s\n" "$1"; }
    file=${path##*/} dir=
    case $path in */*) dir=/${path%/*} ;; esac
    out=$STAGING/$to
    real=$(cd -P -- "$brick" 2>/dev/null && pwd -P && printf x) || { say "the brick is not there"; note failed; exit 0; }
    real=${real%?x}
    if [ -f "$out" ] && [ ! -L "$out" ]; then note there; exit 0; fi
    cd -P -- "$real$dir" 2>/dev/null || { say "its directory is not there"; note failed; exit 0; }
    at=$(pwd -P && printf x); at=${at%?x}
    [ "$at" = "$real$dir" ] || { say "a symlink is on the way"; note failed; exit 0; }
    if [ ! -f "./$file" ] || [ -L "./$file" ]; then say "it is not there any more"; note failed; exit 0; fi
    is=$(stat -c "%s" -- "./$file")
    [ "$is" = "$size" ] || { say "it has $is bytes now, and had $size"; note failed; exit 0; }
    if [ "$APPLY" = 0 ]; then note would; exit 0; fi
    case $to in */*) mkdir -p -- "$STAGING/${to%/*}" ;; esac
    # Not beside it: a name that is as long as names can be takes no ending.
    part=$STAGING/.rollcall-part
    rm -f -- "$part"
    if ! cp --sparse=auto -- "./$file" "$part" || ! cmp -s -- "./$file" "$part"; then
      rm -f -- "$part"; say "it could not be copied"; note failed; exit 0
    fi
    checked=same
    if [ -n "$XXH" ] && [ "$xxh64" != - ]; then
      sum=$($XXH -H64 <"$part" 2>/dev/null || $XXH <"$part"); sum=${sum%% *}
      [ "$sum" = "$xxh64" ] || { rm -f -- "$part"; say "its content is not what was read when the volume was assessed"; note failed; exit 0; }
      checked=digest
    fi
    chown "$uid:$gid" -- "$part" 2>/dev/null || say "its owner could not be set"
    chmod "$mode" -- "$part"
    touch -d "@${mtime%?????????}.${mtime#"${mtime%?????????}"}" -- "$part" 2>/dev/null
    mv -n -T -- "$part" "$out" && note "$checked"
  ' sh <"$here/hidden0")
  [ "$apply" = 0 ] || sync
  counted() { printf '%s\n' "$result" | grep -c -x -e "$1"; }
  digest=$(counted digest) same=$(counted same) there=$(counted there) would=$(counted would) failed=$(counted failed)
  if [ "$apply" = 0 ]; then
    echo "rescue.sh: $would hidden files would be copied to STAGING, $there are there already, $failed cannot be copied"
    echo "Nothing was copied. The same with --apply copies them."
  else
    echo "rescue.sh: $((digest + same)) hidden files copied to STAGING, $there were there already, $failed could not be copied"
    [ "$same" = 0 ] || echo "$same of them were compared with the brick only: install xxhsum to hold them against the digests"
  fi
  [ "$failed" = 0 ] || exit 1
  exit 0
fi

# ---- back through the mount ----------------------------------------------------------------------------------------
command -v rsync >/dev/null 2>&1 || die 2 "rsync is not installed"
MOUNT=$2
[ -d "$MOUNT" ] || die 2 "MOUNT is not a directory: $MOUNT"
up=$(cd -P -- "$MOUNT" && pwd -P && printf x) || die 2 "cannot enter MOUNT"
up=${up%?x}
MOUNT=$up
if ! gluster_at "$MOUNT"; then
  while :; do
    if [ -e "$up/.glusterfs/00/00" ]; then die 4 "MOUNT is on a brick: $up" "nothing may be written to a brick: name a client mount of the volume"; fi
    [ -n "$up" ] || break
    up=${up%/*}
  done
fi
missing=$(xargs -0 -r -x -n 10 sh -c '[ -f "$STAGING/$4" ] || echo missing' sh <"$here/hidden0" | grep -c missing)
[ "$missing" = 0 ] || die 4 "$missing hidden files are not in STAGING yet: looking at the mount now may delete them" \
  "run rescue.sh --apply STAGING on every brick host first, and bring what it copied together in one STAGING"
code=0
put_back() {
  [ -s "$here/$1" ] || return 0
  set -- "$1" "$2" -aHS --numeric-ids --from0 --files-from=- --no-implied-dirs --ignore-existing -s
  list=$1 from=$2
  shift 2
  [ "$apply" = 1 ] || set -- "$@" -n
  rsync "$@" --out-format='%n' -- "$STAGING/$from/" "$MOUNT/" <"$here/$list" | cat -v || code=1
}
put_back back0 files
[ "$unproven" = 0 ] || put_back back-unproven0 files
[ "$apply" = 1 ] || echo "Nothing was copied. The same with --apply copies them."
exit "$code"
