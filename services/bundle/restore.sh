#!/bin/sh
# Puts back what an assessment found lost or damaged, from the lists beside this script. It needs no database and no
# Rollcall.
#
# Without --apply it looks and writes nothing. It never writes over a name that exists, except damaged files with
# --damaged, and those only while they still are the damaged content of the manifest; the damaged content is kept in
# evidence/.
#
# How it is built, because it may run as root against hostile names:
# - Paths and snapshot names come from NUL-terminated data only, through GNU xargs, as positional parameters. There is
#   no eval.
# - Everything at the target is relative to the directory that was entered and checked once.
# - Every ancestor of every entry is looked at right before it is used; a symlink among them blocks the entry. As root
#   the script also moves into a mount namespace of its own in which no symlink below TARGET is followed, so that
#   swapping a directory for a link gains nothing.
# - The current directory belongs to strangers, so no program or library is looked for in it.
# - Nothing that others named reaches the terminal but through cat -v.
set -u -f
LC_ALL=C
export LC_ALL
umask 077
unset CDPATH ENV BASH_ENV POSIXLY_CORRECT CVSIGNORE RSYNC_OLD_ARGS RSYNC_PROTECT_ARGS RSYNC_ICONV RSYNC_PARTIAL_DIR \
  RSYNC_CHECKSUM_LIST RSYNC_COMPRESS_LIST RSYNC_PROXY TIME_STYLE
IFS=$(printf ' \t\nx')
IFS=${IFS%x}
# TARGET becomes the current directory: an entry like '.' or an empty one would run what lies there.
absolute_only() {
  rest=$1: kept=
  while [ -n "$rest" ]; do
    case $rest in /*) kept=$kept:${rest%%:*} ;; esac
    rest=${rest#*:}
  done
  printf '%s' "${kept#:}"
}
PATH=$(absolute_only "$PATH")
[ -z "${LD_LIBRARY_PATH:-}" ] || LD_LIBRARY_PATH=$(absolute_only "$LD_LIBRARY_PATH")

usage() {
  cat <<'EOF'
usage: restore.sh [--apply] [--damaged] [--older] [--person-deleted] [--uncertain] [--source HOST:] TARGET

Puts back into TARGET what the lists of this bundle name. Without --apply nothing is written.

  --apply             do it (stop everything that writes to TARGET first)
  -v, --verbose       print the name of each file that is, or would be, restored
  --damaged           also replace damaged files, each only while it still is the damaged content of the manifest
  --older             also use older versions, where no copy of the last good state is left
  --person-deleted    also bring back what a person probably deleted
  --uncertain         also bring back what may have been deleted on purpose: it vanished among real losses, and nothing more is known
  --source HOST:      the snapshots lie on HOST, reached over ssh (or a local prefix, like /mnt/backup), whatever host
                      the bundle names
  --evidence DIR      where replaced damaged files are kept (default: evidence/ in the bundle)
  --fill              go on where TARGET has too little room for everything; what does not fit is reported
  --new-volume        another file system than the one that was judged lies at TARGET, and that is meant so
  --not-gluster       TARGET is a FUSE, NFS or SMB mount with no GlusterFS behind it
  --bricks-rescued    TARGET is a GlusterFS mount; its bricks were scanned and their hidden files rescued

exit codes: 0 done (or the dry run found nothing in the way), 1 some entries were left alone, 2 failed or only partly done,
4 a guard refused (or would refuse), 130 interrupted. Running it again continues; what is there already is left as it is.
EOF
}

# For our own words and the operator's paths: UTF-8 stays readable; control characters, marks that turn the direction of
# writing and bytes that are not UTF-8 do not pass. What others named goes through cat -v.
visible() {
  case $1 in
    *[![:print:]]*) ;;
    *) printf '%s\n' "$1"; return ;;
  esac
  TEXT=$1 awk 'BEGIN {
    text = ENVIRON["TEXT"]
    out = ""
    while (text != "") {
      n = 1
      if (match(text, /^[ -~]+/)) { n = RLENGTH; out = out substr(text, 1, n) }
      else if (match(text, /^([\302-\337][\200-\277]|[\340-\357][\200-\277][\200-\277]|[\360-\364][\200-\277][\200-\277][\200-\277])/)) {
        n = RLENGTH
        c = substr(text, 1, n)
        out = out (c ~ /^(\302[\200-\237]|\330\234|\342\200[\216\217\250-\256]|\342\201[\246-\251]|\355[\240-\277]|\357\273\277)/ ? "?" : c)
      } else out = out "?"
      text = substr(text, n + 1)
    }
    print out
  }'
}
say() { visible "$*"; }
die() {
  code=$1
  shift
  for line do visible "restore.sh: $line" >&2; done
  exit "$code"
}
# One word for a shell, so that a printed command can be pasted.
quoted() {
  if [ "$(visible "$1")" != "$1" ]; then
    # Octal for every byte. A shell cuts line ends off, so a path that ends with one is written with /. behind it.
    case $1 in *"$newline") set -- "$1/." ;; esac
    printf "\"\$(printf %%b '"
    printf '%s' "$1" | od -An -v -to1 | tr -d '\n' | sed 's/ /\\0/g'
    printf "')\""
    return
  fi
  case $1 in
    '' | *[!A-Za-z0-9_./:@%+=-]*) printf "'"; printf '%s' "$1" | sed "s/'/'\\\\''/g"; printf "'" ;;
    *) printf '%s' "$1" ;;
  esac
}
newline=$(printf '\nx')
newline=${newline%x}
# counted N ONE [MANY]: '1 file', '1,234 files'.
counted() {
  c=$1
  case $c in ????*) c=$(printf '%s\n' "$c" | sed -e :a -e 's/^\([0-9]*[0-9]\)\([0-9]\{3\}\)/\1,\2/;ta') ;; esac
  case $1 in 1) echo "$c $2" ;; *) echo "$c ${3:-$2s}" ;; esac
}
# As reports print sizes: 999 B, 12.3 kB, 1.45 GB.
size() {
  awk -v n="$1" 'BEGIN {
    split("B kB MB GB TB PB", unit, " ")
    for (i = 1; n >= 999.5 && i < 6; i++) n /= 1000
    printf (i == 1 ? "%d" : n < 9.995 ? "%.2f" : n < 99.95 ? "%.1f" : "%.0f") " %s\n", n, unit[i]
  }'
}

apply=0 damaged=0 older=0 person=0 uncertain=0 verbose=0 not_gluster=0 rescued=0 fill=0 new_volume=0 PREFIX='' source_given=0 evidence='' target='' targets=0 only_target=0
given=$#
for word do set -- "$@" "$word"; done
while [ $# -gt "$given" ]; do
  case $only_target$1 in
    0--apply) apply=1 ;;
    0--damaged) damaged=1 ;;
    0--older) older=1 ;;
    0--person-deleted) person=1 ;;
    0--uncertain) uncertain=1 ;;
    0-v | 0--verbose) verbose=1 ;;
    0--not-gluster) not_gluster=1 ;;
    0--bricks-rescued) rescued=1 ;;
    0--fill) fill=1 ;;
    0--new-volume) new_volume=1 ;;
    0--source | 0--evidence)
      [ $# -gt $((given + 1)) ] || die 2 "$1 needs a value"
      if [ "$1" = --source ]; then PREFIX=$2 source_given=1; else evidence=$2; fi
      shift
      ;;
    0--source=*) PREFIX=${1#--source=} source_given=1 ;;
    0--evidence=*) evidence=${1#--evidence=} ;;
    0--help | 0-h) usage; exit 0 ;;
    0--) only_target=1 ;;
    0-?*) die 2 "unknown option: $1" "see: restore.sh --help" ;;
    *) target=$1 targets=$((targets + 1)) ;;
  esac
  shift
done
[ "$targets" = 1 ] && [ -n "$target" ] || { usage >&2; exit 2; }
REMOTE=0
case $PREFIX in
  -* | *@-*) die 2 "--source and its host must not begin with '-': $PREFIX" ;;
  '' | /*) ;;
  *:*) REMOTE=1 ;;
  *) die 2 "--source is HOST: with its colon, or a directory with its whole path: $PREFIX" ;;
esac
GIVEN_PREFIX=$PREFIX GIVEN_REMOTE=$REMOTE

# ---- where everything is -------------------------------------------------------------------------------------------
case $0 in */*) here=${0%/*}/ ;; *) here=. ;; esac
B=$(cd -P -- "$here" && pwd -P && printf x) || exit 2
B=${B%?x}
start=$(pwd -P; printf x)
start=${start%?x}
[ -d "$B/lists" ] || die 2 "this is no restore bundle: $B"
case $target in -*) target=./$target ;; esac

# ---- looking must not destroy --------------------------------------------------------------------------------------
# On GlusterFS the lookup of a name can delete the last copy of a file, through a read-only mount too. So the mount
# table is asked before TARGET is.
gluster() {
  die 4 "TARGET is, or holds, a GlusterFS mount. Looking a name up there can delete the last copy of a file, through a read-only mount too" \
    "order of work: stop everything that writes, and any rebalance; scan the bricks; rescue the hidden files from the bricks; then restore; then verify" \
    "no name was looked up and nothing was changed; when the bricks have been scanned and rescued, add --bricks-rescued"
}
# Says which mount a path lies on by its text, or, with an id, that mount; then the mounts below it. A line each: where
# type ro|rw risk=none, or risk=gluster, or risk=hidden for what may have GlusterFS behind it. The target comes last.
mounts_of() {
  T=$1 ID=$2 awk '
    function enclosed(path, by) { return substr(path "/", 1, length(by)) == by }
    BEGIN {
      t = ENVIRON["T"]
      gsub(/\\/, "\\134", t); gsub(/ /, "\\040", t); gsub(/\t/, "\\011", t); gsub(/\n/, "\\012", t)
      if (t != "/") t = t "/"
      best = 0
    }
    {
      for (i = 7; i <= NF && $i != "-"; i++) ;
      type = $(i + 1)
      mode = ("," $6 "," $(i + 3) "," ~ /,ro,/) ? "ro" : "rw"
      risk = "risk=none"
      if (type ~ /^(fuse|fuseblk|fuse\..*|nfs|nfs4|cifs|smb2|smb3|smbfs)$/) risk = "risk=hidden"
      if (type ~ /^(fuse\.)?glusterfs$/ || (type == "fuse" && $(i + 2) ~ /^glusterfs(#|$)/)) risk = "risk=gluster"
      at = $5 == "/" ? "/" : $5 "/"
      if (ENVIRON["ID"] == "" && enclosed(t, at) && length(at) >= best) { best = length(at); own = "target " type " " mode " " risk }
      if (ENVIRON["ID"] != "" && $1 == ENVIRON["ID"]) { own = "target " type " " mode " " risk; if ("," $6 "," ~ /,nosymfollow,/) print "nosymfollow" }
      else if (enclosed(at, t)) print "below", type, mode, risk
    }
    END { if (own != "") print own }' /proc/self/mountinfo
}
not_gluster_at() { [ "$rescued" = 1 ] || case $(mounts_of "$1" '') in *risk=gluster*) gluster ;; esac; }
case $target in /*) not_gluster_at "$target" ;; *) not_gluster_at "${start%/}/$target" ;; esac
[ -d "$target" ] || die 2 "TARGET is not a directory: $target"

# ---- no symlink below TARGET is followed ---------------------------------------------------------------------------
# An ancestor that was looked at can be a symlink a moment later, put there by whoever may write to its directory; a
# list is under way for minutes. In a mount namespace of its own (nobody else sees its mounts) TARGET lies on a mount
# that follows no symlink: what is swapped then fails. Left out where the manifest itself has something below a link of
# root's.
NAMESPACE='
cd -P -- "$1" || exit 1
T=$(pwd -P; printf x)
T=${T%?x}
[ "$T" != / ] || exit 1
was=$(stat -c %d:%i .)
# mount looks for the names of sources (HOST:/VOLUME) in the current directory: never in TARGET, where a lookup may
# destroy.
cd / && mount --rbind -- "$T" "$T" && cd -P -- "$T" && [ "$(stat -c %d:%i .)" = "$was" ] && cd / || exit 1
while read -r id parent device root point options rest <&3; do
  case $point in *\\*) point=$(printf %s "$point" | sed "s/\\\\\([0-7][0-7][0-7]\)/\\\\0\1/g"); point=$(printf %b "${point}x"); point=${point%x} ;; esac
  case $point/ in "$T"/*) mount -o "remount,bind,$options,nosymfollow" -- "$point" || exit 1 ;; esac
done 3</proc/self/mountinfo'
ME=$(id -u)
MYGROUP=$(id -g)
if [ "$ME" = 0 ] && [ "${ROLLCALL_NAMESPACE:-}" != tried ] && [ ! -s "$B/lists/root-links0" ] &&
  command -v unshare >/dev/null 2>&1 && command -v mount >/dev/null 2>&1; then
  ROLLCALL_NAMESPACE=tried
  export ROLLCALL_NAMESPACE
  # Tried in one that is thrown away first: some tool may be reached through a symlink that lies there.
  if unshare -m --propagation private sh -c "$NAMESPACE
rsync --version && find --version && awk 'BEGIN { exit 0 }' && printf '' | xargs sh -c true" sh "$target" >/dev/null 2>&1; then
    exec unshare -m --propagation private sh -c "( $NAMESPACE
) >/dev/null 2>&1
shift
exec sh -- \"\$@\"" sh "$target" "$0" "$@"
  fi
fi
unset ROLLCALL_NAMESPACE

# ---- tools -------------------------------------------------------------------------------------------------
absent=''
for tool in rsync xargs sha256sum stat find awk sed tr wc cut head tail cat cp rm sync mkdir mktemp chown chmod touch ln readlink date id od; do
  command -v "$tool" >/dev/null 2>&1 || absent="$absent $tool"
done
[ -z "$absent" ] || die 2 "not installed on this machine:$absent" "nothing was changed; install it (Debian: apt-get install rsync findutils coreutils) and run this again"
printf 'a\0' | xargs -0 -r -x -n 1 -s 4000 true 2>/dev/null || die 2 "xargs is not GNU xargs (findutils), which this script needs for names with any bytes" "nothing was changed"
stat -c '%u %.9Y' / >/dev/null 2>&1 && stat -f -c '%a %S %b %c %d %t' / >/dev/null 2>&1 || die 2 "stat is not GNU stat (coreutils)" "nothing was changed"
# Of nothing.
printf 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  /dev/null\n' | sha256sum --quiet --strict -c - >/dev/null 2>&1 ||
  die 2 "sha256sum is not GNU sha256sum (coreutils)" "nothing was changed"
rsync_version=$(rsync --version 2>/dev/null | sed -n '1s/^rsync  *version v\{0,1\}\([0-9][0-9.]*\).*/\1/p')
printf '%s\n' "$rsync_version" | awk -F. '{ exit !($1 * 1000000 + $2 * 1000 + $3 >= 3002004) }' ||
  die 2 "rsync is ${rsync_version:-of an unknown version}; 3.2.4 or newer is needed, because older ones hand names to a remote shell" "nothing was changed"

# ---- the bundle: nobody else may have had a hand in it -------------------------------------------------------------
# Says what is wrong with a directory above something that root relies on: who can rename in it can exchange what lies
# below.
exchangeable() {
  up=$1 owners=0
  set --
  while [ -n "$up" ]; do
    up=${up%/*}
    set -- "$@" "${up:-/}"
  done
  # Without names: a line each.
  owners=$(stat -c '%a %g %u' -- "$@") || { echo 'a directory above it cannot be asked'; return 0; }
  for up do
    line=${owners%%"$newline"*} owners=${owners#*"$newline"}
    mode=${line%% *} user=${line##* } group=${line#* }
    group=${group% *}
    case $mode in
      [1357]???) who='' ;; # sticky: others cannot rename what is not theirs
      *[2367]) who=others ;;
      *[2367]?) who="group $group"; [ "$group" != 0 ] && [ "$group" != "$MYGROUP" ] || who='' ;;
      *) who='' ;;
    esac
    [ "$user" = 0 ] || [ "$user" = "$ME" ] || who="user $user"
    [ -z "$who" ] || { printf '%s can write to a directory above it, and could exchange it: %s' "$who" "$up"; return 0; }
  done
  return 1
}
cd -P -- "$B" || die 2 "cannot enter the bundle"
others=$(find . -path './evidence/?*' -prune -o \( -type l -o \( ! -uid "$ME" ! -uid 0 \) -o -perm -020 -o -perm -002 \) -print)
[ -z "$others" ] || die 4 "this bundle, or something in it, belongs to somebody else or can be written by others:" "  $(printf '%s\n' "$others" | head -n 5 | cat -v | tr '\n' ' ')" \
  "after looking at it: chown -R $(id -un 2>/dev/null || echo "$ME") BUNDLE && chmod -R go-w BUNDLE; on a disk that knows no owners: copy the bundle to a directory of yours"
up=$(exchangeable "$B") && die 4 "this bundle cannot be trusted: $up" "copy the bundle to a directory of yours"
sums=$(sha256sum --quiet --strict -c SHA256SUMS 2>&1) || die 4 "the lists are not as they were written:" "  $(printf '%s\n' "$sums" | head -n 5 | cat -v | tr '\n' ' ')" "nothing was changed; write a new bundle with: rollcall assess"
# A line that is gone from SHA256SUMS would leave its file unchecked.
unsummed=$(find lists ! -type d -print | awk '
  function check(name) { if (!(name in sums)) printf " %s", name }
  BEGIN {
    while ((getline line <"SHA256SUMS") > 0) sums[substr(line, 67)] = 1
    n = split("restore.sh manifest.jsonl lists/plan lists/dirs.make0 lists/dirs.finish0 lists/root-links0 lists/backups0 lists/target0 lists/program", names, " ")
    for (i = 1; i <= n; i++) check(names[i])
  }
  { check($0) }')
[ -z "$unsummed" ] || die 4 "the lists are not as they were written; SHA256SUMS says nothing of:$unsummed" "nothing was changed; write a new bundle with: rollcall assess"

# ---- where the snapshots are -----------------------------------------------------------------------------------------
host_of() { [ ! -e "$B/lists/$1.host0" ] || tr '\000\n' '\n?' <"$B/lists/$1.host0" | head -n 1; }
# source_of NN: sets PREFIX and REMOTE for that source. One that lies on another host than the volume is copied over ssh
# from there: a directory of the same path on this machine is another one.
source_of() {
  PREFIX=$GIVEN_PREFIX REMOTE=$GIVEN_REMOTE
  [ "$source_given" = 0 ] && [ -e "$B/lists/$1.host0" ] || return 0
  PREFIX=$(host_of "$1"): REMOTE=1
}
if [ "$source_given" = 0 ]; then
  while read -r nn rest <&3; do
    case $(host_of "$nn") in
      -* | *@-* | *[!A-Za-z0-9._@-]*) die 2 "the name of a host that the bundle names cannot stand before the ':' of a remote path: $(host_of "$nn")" "nothing was changed; give it with --source HOST:" ;;
    esac
  done 3<"$B/lists/plan"
fi

# ---- the target ----------------------------------------------------------------------------------------------------
cd -- "$start" || exit 2
cd -P -- "$target" || die 2 "cannot enter TARGET: $target"
T=$(pwd -P; printf x)
T=${T%?x}
export T
# By a link it may have led there all the same: nothing is opened.
not_gluster_at "$T"
# By its whole path again: a relative one may have led past the mount that follows no symlink.
was=$(stat -c %d:%i .)
cd -P -- "$T" && [ "$(stat -c %d:%i .)" = "$was" ] || die 2 "TARGET was exchanged: $T"

# The mount that was entered, by its id; and mounts below it that a restored path could lead into.
exec 8<. || die 2 "cannot open TARGET"
mount_id=''
while read -r key value; do [ "$key" = mnt_id: ] && mount_id=$value; done </proc/self/fdinfo/8
exec 8<&-
[ -n "$mount_id" ] || die 2 "cannot learn which mount TARGET lies on (/proc/self/fdinfo)"
mounts=$(mounts_of "$T" "$mount_id")
case $mounts in
  *'target '*) ;;
  *) die 2 "cannot find TARGET's mount in /proc/self/mountinfo" ;;
esac
if [ "$rescued" = 0 ]; then
  case $mounts in *risk=gluster*) gluster ;; esac
  if [ "$not_gluster" = 0 ]; then
    case $mounts in
      *risk=hidden*) die 4 "TARGET is, or holds, a FUSE, NFS or SMB mount, and rsync looks names up; if GlusterFS is behind it, that can delete the last copy of a file, through a read-only mount too" \
        "if GlusterFS is behind it: stop everything that writes, and any rebalance; scan the bricks; rescue the hidden files from the bricks; then restore with --bricks-rescued; then verify" \
        "nothing was changed; if there is no GlusterFS behind it, add --not-gluster" ;;
    esac
  fi
fi
HANDLE=/.glusterfs/00/00/00000000-0000-0000-0000-000000000001
# A brick is no place to restore to: GlusterFS knows nothing of what others write there. Every brick that was ever
# started holds a handle of its root; the volume's id is shown to root only, and only where getfattr is installed. A
# client mount is no brick, and shows neither.
brick() {
  [ -e "$1$HANDLE" ] || [ -L "$1$HANDLE" ] || { [ -d "$1/.glusterfs" ] && [ ! -x "$1/.glusterfs" ]; } ||
    getfattr --absolute-names -n trusted.glusterfs.volume-id -- "${1:-/}" >/dev/null 2>&1
}
case $mounts in
  *'target '*risk=gluster) ;;
  *)
    up=${T%/}
    while :; do
      ! brick "$up" || die 4 "TARGET is on a brick of a GlusterFS volume: ${up:-/}" \
        "nothing was changed; never write to a brick: restore through a client mount of the volume, after its bricks were scanned and rescued (--bricks-rescued)"
      [ -n "$up" ] || break
      up=${up%/*}
    done
    ;;
esac
if [ "$apply" = 1 ]; then
  case $mounts in *'target '*' ro '*) die 2 "TARGET is mounted read-only: nothing was changed" ;; esac
fi
protected=0
case $mounts in *nosymfollow*) protected=1 ;; esac

# The volume that was judged, or an empty directory because it is not mounted? Path, type of file system and inode of
# its root were recorded.
LIVE=0
export LIVE PREFIX REMOTE
facts="$(stat -f -c %t .) $(stat -c %i .)"
live=$(FACTS=$facts NEW=$new_volume xargs -0 -r -x -n 3 -s 20000 sh -c '
  [ "$T" = "$1" ] || exit 0
  if [ "$2" = - ] || [ "$2 $3" = "$FACTS" ] || [ "$NEW" = 1 ]; then echo live; else echo other; fi' sh <"$B/lists/target0")
case $live in
  live) LIVE=1 ;;
  other)
    die 4 "another file system or directory than the one that was judged lies at TARGET: $T" \
      "is the volume mounted? mount it and run this again; if it was made anew on purpose, add --new-volume" ;;
esac
# Neither a snapshot nor what holds one. A live volume was judged together with what it holds.
in_backup=''
[ "$REMOTE" = 1 ] || in_backup=$(xargs -0 -r -x -s 600000 sh -c '
  for root do
    root=$PREFIX$root
    real=$(cd -P -- "$root" 2>/dev/null && pwd -P && printf x) || real=
    real=${real%?x}
    root=${real:-$root}
    case $T/ in "${root%/}"/*) printf "TARGET is, or is inside, a snapshot of the backup: %s" "$root"; exit 255 ;; esac
    [ "$LIVE" = 1 ] || case $root/ in "${T%/}"/*) printf "TARGET holds the backup that would be read: %s" "$root"; exit 255 ;; esac
  done' sh <"$B/lists/backups0" 2>/dev/null)
[ -z "$in_backup" ] || die 4 "$in_backup" "nothing was changed; name the live volume, or an empty directory outside of every backup"

# ---- work directories ----------------------------------------------------------------------------------------------
key=$(printf '%s' "$T" | sha256sum | cut -c 1-16)
J=$B/journal/$key
W='' EVIDENCE='' UNOWNED=''
export UNOWNED
machine() { read -r boot </proc/sys/kernel/random/boot_id; printf '%s-%s' "$boot" "$(readlink /proc/self/ns/pid)"; }
# Number, machine and start of a process: numbers are given out again.
running() { printf '%s %s %s\n' "$1" "$(machine)" "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" && $1 != "X" { print $20 }')"; }
trap '[ -z "$W" ] || rm -rf -- "$W"' EXIT
trap 'printf "\nrestore.sh: interrupted; nothing is lost: run it again and it continues\n" >&2; exit 130' INT TERM HUP
if [ "$apply" = 1 ]; then
  mkdir -p -- "$J" 2>/dev/null && [ -w "$J" ] || die 2 "cannot write in the bundle, where the directories that were made are recorded until they are finished" "copy the bundle to a disk that can be written"
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$J/lock"
    # What a run that was interrupted has started may still be ending.
    flock -w 10 9 || die 2 "another restore from this bundle into TARGET is running"
    locked=1
  else
    locked=0
  fi
  if [ -n "$evidence" ]; then
    evidence=$(cd -- "$start" && mkdir -p -- "$evidence" && cd -P -- "$evidence" && pwd -P && printf x) || die 2 "cannot make the evidence directory"
    evidence=${evidence%?x}
    up=$(exchangeable "$evidence/x") && die 4 "the evidence cannot be kept in $evidence: $up" "choose a directory of yours; nothing was changed"
  else
    evidence=$B/evidence/$key
  fi
  EVIDENCE=$evidence/$(date -u +%Y%m%dT%H%M%SZ)-$$
  [ -e "$J/since" ] || : >"$J/since"
  W=$(mktemp -d "$J/work.XXXXXXXXXX") && running $$ >"$W/running" || die 2 "cannot make a working directory in the bundle"
  # Left behind by a run that was killed, as temporary files of rsync may be at the target.
  find "$J" -mindepth 1 -maxdepth 1 -name 'work.*' ! -name "${W##*/}" -print >"$W/others" || die 2 "cannot read $J"
  while read -r other; do
    # Without flock the other run is asked for by its number; one of another machine or container cannot be.
    if [ "$locked" = 0 ]; then
      is='' pid=''
      read -r pid is <"$other/running" 2>/dev/null || :
      case $pid$is in
        '') ;;
        *) [ "$(running "$pid")" != "$pid $is" ] || die 2 "another restore from this bundle into TARGET is running (process $pid)"
          case $is in "$(machine) "*) ;; *) die 2 "another restore from this bundle into TARGET may be running on another machine or in another container" \
            "flock is not installed here, so this cannot be told. If it is not running: rm -r $(quoted "$other")" ;; esac ;;
      esac
    fi
    : >"$J/killed"
    rm -rf -- "$other"
  done <"$W/others"
  # Who runs without root gives nothing away: a later run as root does.
  [ "$ME" = 0 ] || printf '%s\n' "$ME" >>"$J/unowned" || die 2 "cannot write in $J"
  [ "$ME" != 0 ] || [ ! -e "$J/unowned" ] || UNOWNED=$(tr -c '0-9\n' '?' <"$J/unowned" | tr '\n' ' ')
else
  W=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-restore.XXXXXXXXXX") || die 2 "cannot make a temporary directory"
fi
LOG=$W/log
begin() { : >"$W/blocked0" && : >"$W/changed0" && : >"$W/closed0" && : >"$W/fixed0" && : >"$W/absent0" && : >"$LOG" || die 2 "cannot write in $W"; }
begin
APPLY=$apply
# --apply learns by doing what it may; and of a mount that is read-only, a dry run says nothing about who may write.
MAY_ALL=1
if [ "$apply" = 0 ] && [ "$ME" != 0 ]; then
  case $mounts in *'target '*' ro '*) ;; *) MAY_ALL=0 ;; esac
fi
VERBOSE=$verbose SOME_FIXED=0
export W J LOG APPLY EVIDENCE B ME MAY_ALL VERBOSE SOME_FIXED

# ---- what runs inside xargs: names arrive as positional parameters, never as text of a command ---------------------
KNOWN_LINK='[ "$1" = "$L" ] || exit 0; t=$(readlink -n -- ".$1"; printf x); [ "$t" = "$2x" ] && exit 255; exit 0'
COMMON='
set -f
last=/ lastrc=0
known_link() {
  [ "$(stat -c %u -- ".$1")" = 0 ] || return 1
  L=$1 xargs -0 -r -n 2 -x -s 20000 sh -c "$KNOWN_LINK" sh <"$B/lists/root-links0" 2>/dev/null
  [ $? = 124 ]
}
safe() {
  [ "$1" = "$last" ] && return "$lastrc"
  last=$1 lastrc=0 q=$1
  while [ -n "$q" ]; do
    if [ -L ".$q" ]; then
      known_link "$q" || { lastrc=1; return 1; }
    elif [ -e ".$q" ] && [ ! -d ".$q" ]; then
      lastrc=1
      return 1
    fi
    q=${q%/*}
  done
  return 0
}
proper() {
  case $1 in /?*) ;; *) return 1 ;; esac
  case $1/ in *//* | */./* | */../*) return 1 ;; esac
  return 0
}
# 255 stops xargs: what cannot be written down is not done.
mark() { printf "%s\000" "$2" >>"$W/$1" || exit 255; }
blocked() { mark blocked0 "$1"; }
emit() { printf "%s\000" "$1" || exit 255; }
# With -v, by name.
named() { [ "$VERBOSE" = 0 ] || mark names0 "$1"; }
# Content of another name is copied one by one.
emit_from() {
  if [ "$1" = "$3" ]; then named "$3"; emit "$3"; else printf "%s\000" "$@" >>"$W/pairs0" || exit 255; fi
}
tally() { printf "%s\n" "$2" >>"$W/$1" || exit 255; }
note() { printf "%s\n" "$2" >>"$J/$1" || exit 255; }
# chattr +a or +i of a directory keeps rsync from giving a file its name, and from removing its temporary file; +i alone
# keeps a directory that is absent from being made. SOME_FIXED: there is one.
flags_of() { f=$(lsattr -d -- ".$1" 2>/dev/null) && f=${f%% *} || f=; }
fixed=x fixedrc=1
unchangeable() {
  [ "$SOME_FIXED" = 1 ] || return 1
  [ "$1" = "$fixed" ] && return "$fixedrc"
  fixed=$1 fixedrc=1 q=$1
  while [ -n "$q" ] && [ ! -d ".$q" ]; do q=${q%/*}; done
  flags_of "$q"
  case $f in *i*) fixedrc=0 ;; *a*) [ "$q" != "$1" ] || fixedrc=0 ;; esac
  return "$fixedrc"
}
usable() {
  if ! proper "$1" || ! safe "${1%/*}"; then
    blocked "$1"
    return 1
  fi
  if [ "$APPLY" = 1 ] && [ ! -d ".${1%/*}" ]; then
    if unchangeable "${1%/*}"; then mark fixed0 "$1"; else blocked "$1"; fi
    return 1
  fi
  return 0
}
# For a dry run when not run as root: whether something could be made in a directory, or in the nearest one above it
# that is there.
asked=x askedrc=0
open_to_us() {
  [ "$MAY_ALL" = 0 ] || return 0
  [ "$1" = "$asked" ] && return "$askedrc"
  asked=$1 askedrc=0 q=$1
  while [ -n "$q" ] && [ ! -d ".$q" ]; do q=${q%/*}; done
  [ -w "./$q" ] && [ -x "./$q" ] || askedrc=1
  return "$askedrc"
}
there() { [ -e ".$1" ] || [ -L ".$1" ]; }
closed() {
  if ! open_to_us "${1%/*}"; then mark closed0 "$1"; return 0; fi
  unchangeable "${1%/*}" || return 1
  mark fixed0 "$1"
}
sum() { s=$(sha256sum <".$1" 2>>"$LOG"); s=${s%% *}; }
'
# Emits the entries that are absent.
COPY=$COMMON'
present=0
for p do
  usable "$p" || continue
  if there "$p"; then present=$((present + 1)); continue; fi
  closed "$p" && continue
  named "$p"
  emit "$p"
done
tally present "$present"
'
# Of what was copied: what is not there.
ABSENT=$COMMON'
for p do there "$p" || emit "$p"; done
'
# path, source path, the same for a remote glob, kind, what lies there, what shall, owner, mode, time: emits what may be
# replaced. What an export has read has no SHA-256: what an earlier run has put there is known by the journal.
PUT='
put_name() { s=$(printf "%s" "$1" | sha256sum); s=${s%% *}; }
put_here() {
  [ "$kind" = file ] && [ -z "$want" ] || return 1
  put_name "$1"
  put=
  [ ! -e "$J/put/$s" ] || read -r put <"$J/put/$s"
  [ -n "$put" ] && [ "$put" = "$2" ]
}
'
REPLACE=$COMMON$PUT'
present=0
while [ $# -ge 9 ]; do
  p=$1 from=$2 remote=$3 kind=$4 was=$5 want=$6 owner=$7 mode=$8 mtime=$9
  shift 9
  usable "$p" || continue
  now= nowkind=absent
  if [ -L ".$p" ]; then
    nowkind=symlink now=$(readlink -n -- ".$p"; printf x)
    now=${now%x}
  elif [ -f ".$p" ]; then
    sum "$p"
    nowkind=file now=$s
  elif [ -e ".$p" ]; then
    nowkind=other
  fi
  if [ "$nowkind" = absent ] || { [ "$nowkind" = "$kind" ] && [ -n "$now" ] && [ "$now" = "$was" ]; }; then
    closed "$p" && continue
    if [ "$SOME_FIXED" = 1 ] && [ "$nowkind" = file ]; then
      flags_of "$p"
      case $f in *[ai]*) mark fixed0 "$p"; continue ;; esac
    fi
    emit_from "$from" "$remote" "$p" "$want" "$owner" "$mode" "$mtime"
  elif [ "$nowkind" = "$kind" ] && { { [ -n "$want" ] && [ "$now" = "$want" ]; } || put_here "$p" "$now"; }; then
    present=$((present + 1))
  else
    mark changed0 "$p"
  fi
done
tally present "$present"
'
# The same records, after rsync: remembers what was put where no SHA-256 was known.
REPLACED=$COMMON$PUT'
while [ $# -ge 9 ]; do
  p=$1 kind=$4 was=$5 want=$6
  shift 9
  [ "$kind" = file ] && [ -z "$want" ] && proper "$p" && safe "${p%/*}" && [ ! -L ".$p" ] && [ -f ".$p" ] || continue
  sum "$p"
  now=$s
  [ "$now" != "$was" ] || continue
  put_name "$p"
  mkdir -p -- "$J/put" && printf "%s\n" "$now" >"$J/put/$s" || exit 255
done
'
# path, surviving name, SHA-256, source path, the same for a remote glob, owner, mode, time: links where the survivor
# has the content; emits what must be copied instead. In a dry run the survivor may be one that --apply puts back
# before.
LINK=$COMMON'
present=0 linked=0
while [ $# -ge 8 ]; do
  p=$1 survivor=$2 want=$3 from=$4 remote=$5 owner=$6 mode=$7 mtime=$8
  shift 8
  usable "$p" || continue
  if there "$p"; then present=$((present + 1)); continue; fi
  closed "$p" && continue
  if [ "$APPLY" = 0 ] && ! there "$survivor"; then named "$p"; linked=$((linked + 1)); continue; fi
  if proper "$survivor" && safe "${survivor%/*}" && [ ! -L ".$survivor" ] && [ -f ".$survivor" ]; then
    sum "$survivor"
    if [ "$s" = "$want" ]; then
      if [ "$APPLY" = 0 ] || ln -T -- ".$survivor" ".$p" 2>>"$LOG"; then named "$p"; linked=$((linked + 1)); continue; fi
    fi
  fi
  emit_from "$from" "$remote" "$p" "$want" "$owner" "$mode" "$mtime"
done
tally present "$present"
tally moved "$linked"
'
# source path, the same for a remote glob, destination, SHA-256, owner, mode, time ('-' for those of the copy): one
# rsync each, for content that goes to another name. A copy that lies in the volume itself must still be what it was,
# for people write there.
PAIR=$COMMON'
unchanged() {
  [ "$INSIDE" = 1 ] && [ -n "$want" ] || return 0
  if [ "$ROOT" = . ]; then proper "$from" && safe "${from%/*}" && [ ! -L ".$from" ] || return 1; fi
  # What is not a regular file has no digest, but its target or nothing.
  [ -f "$ROOT$from" ] || return 0
  s=$(sha256sum <"$ROOT$from" 2>>"$LOG")
  [ "${s%% *}" = "$want" ]
}
present=0 moved=0
while [ $# -ge 7 ]; do
  from=$1 remote=$2 p=$3 want=$4 owner=$5 mode=$6 mtime=$7
  shift 7
  usable "$p" || continue
  if [ -z "$REPLACING" ] && there "$p"; then present=$((present + 1)); continue; fi
  closed "$p" && continue
  unchanged || { printf "the copy in the volume is no longer what it was: %s\n" "$from" >>"$LOG" && tally rc 23 || exit 255; continue; }
  if [ "$APPLY" = 0 ]; then
    if [ "$REMOTE" = 1 ] || [ -e "$PREFIX$ROOT$from" ] || [ -L "$PREFIX$ROOT$from" ]; then
      named "$p"
      moved=$((moved + 1))
    else
      printf "link_stat: No such file or directory: %s\n" "$PREFIX$ROOT$from" >>"$LOG" && tally rc 23 || exit 255
    fi
    continue
  fi
  named "$p"
  [ "$REMOTE" = 0 ] || from=$remote
  own=
  [ "$ME" != 0 ] || [ "$owner" = - ] || own=--chown=$owner
  [ "$mode" = - ] || own="$own --chmod=F$mode"
  waited_rsync $own $OPTS ${BACKUP:+"--backup-dir=$BACKUP${p%/*}"} -- "$PREFIX$ROOT$from" ".$p" </dev/null >/dev/null 2>>"$LOG"
  rc=$?
  if [ "$rc" = 0 ] && [ "$mtime" != - ] && there "$p"; then touch -h -c -m -d "@$mtime" -- ".$p" 2>>"$LOG" || rc=23; fi
  tally rc "$rc"
  if [ "$rc" = 0 ]; then
    # What only root can make is left out without an error.
    if there "$p"; then moved=$((moved + 1)); else mark absent0 "$p"; fi
  fi
  case $rc in 0 | 23 | 24) ;; *) break ;; esac
done
tally present "$present"
tally moved "$moved"
'
# Records whose destination is the field AT of STEP: emits names beside them that have come since the first run and look
# like what rsync calls a file on its way, and on 4 the destinations.
TEMPORARY=$COMMON'
in=/
while [ $# -ge "$STEP" ]; do
  shift $((AT - 1))
  p=$1
  shift $((STEP - AT + 1))
  printf "%s\000" "$p" >&4 || exit 255
  [ "${p%/*}" != "$in" ] || continue
  in=${p%/*}
  proper "$p" && safe "$in" && [ -d ".$in" ] || continue
  find ".$in/" -mindepth 1 -maxdepth 1 ! -type d -name ".?*.??????" -cnewer "$J/since" -print0 2>>"$LOG"
done
'
# Directories come as: number, path, lists that need it, owner, mode, mtime. What this bundle has made at this target is
# remembered by number in the journal, in one word: wanted, made, set (it has its owner, mode and time), again (to be
# set again after this run has added to it). Words are added and the last one counts: a word that were written over the
# one before could be lost to a kill in between.
NOTES='
state() { state=; [ ! -e "$J/$1" ] || while read -r word; do state=$word; done <"$J/$1"; }
# What an earlier run without root has made, and could not give away.
made_by() { case " $UNOWNED " in *" ${1%%:*} "*) return 0 ;; esac; return 1; }
# Lines of owner, mode and time, without names, for the directories given; fails when one of them cannot be asked.
facts() { stat -c "%u:%g %a %.9Y" -- "$@" >"$W/now" 2>>"$LOG"; }
# A run without root sets no owners, and does not compare them.
same() { [ "$ME" = 0 ] || now="${want%% *} ${now#* }"; [ "$now" = "$want" ]; }
'
# Directories that an earlier run has finished, and that nobody has touched since, are open for what this run adds.
REOPEN=$COMMON$NOTES'
n=$(($# / 6))
: >"$W/want"
while [ "$n" -gt 0 ]; do
  n=$((n - 1)) id=$1 p=$2 owner=$4 mode=$5 mtime=$6
  shift 6
  state "$id"
  [ "$state" = set ] && proper "$p" && safe "${p%/*}" && [ ! -L ".$p" ] && [ -d ".$p" ] || continue
  printf "%s %s %s %s\n" "$id" "$owner" "$mode" "$mtime" >>"$W/want"
  set -- "$@" ".$p"
done
[ $# -gt 0 ] && facts "$@" || exit 0
exec 4<"$W/want"
while read -r now; do
  p=$1
  shift
  read -r id want <&4
  same || { [ "$ME" = 0 ] && made_by "$now" && [ "${now#* }" = "${want#* }" ]; } || continue
  note "$id" again
  [ "$ME" = 0 ] || chmod u+rwx -- "$p"
done <"$W/now"
'
# Makes what is absent, with mode 0700.
DIRECTORY=$COMMON$NOTES'
made=0 n=$(($# / 6)) ids=
while [ "$n" -gt 0 ]; do
  n=$((n - 1)) id=$1 p=$2 lists=$3
  shift 6
  selected=0
  for l in $LISTS; do case $lists in *,$l,*) selected=1 ;; esac; done
  [ "$selected" = 1 ] || continue
  if ! proper "$p" || ! safe "${p%/*}"; then blocked "$p"; continue; fi
  if [ -L ".$p" ]; then known_link "$p" || blocked "$p"; continue; fi
  if [ -d ".$p" ]; then
    [ "$APPLY" = 1 ] || continue
    state "$id"
    # An earlier run was killed right after making it.
    if [ "$state" = wanted ]; then
      case $(stat -c "%u %a" -- ".$p") in "$ME 700" | "$ME 2700") note "$id" made ;; esac
    fi
    continue
  fi
  if [ -e ".$p" ]; then blocked "$p"; continue; fi
  # Something can be made in a directory that is append-only.
  if unchangeable "${p%/*}"; then case $f in *i*) mark fixed0 "$p"; continue ;; esac; fi
  if [ "$APPLY" = 0 ]; then
    if open_to_us "${p%/*}"; then named "$p/"; made=$((made + 1)); else mark closed0 "$p"; fi
    continue
  fi
  named "$p/"
  note "$id" wanted
  ids="$ids $id"
  set -- "$@" "$p"
done
if [ $# -gt 0 ]; then
  # One call for all of them, parents first; only if it fails for any they are looked at one by one.
  for p do shift; set -- "$@" ".$p"; done
  whole=0
  mkdir -m 0700 -- "$@" 2>/dev/null && whole=1
  for id in $ids; do
    p=${1#.}
    shift
    if [ "$whole" = 1 ]; then
      note "$id" made
      made=$((made + 1))
    elif [ -L ".$p" ]; then
      blocked "$p"
    elif [ -d ".$p" ]; then
      # Made by the failed call, or by somebody else since it was looked at.
      case $(stat -c "%u %a" -- ".$p") in "$ME 700" | "$ME 2700") note "$id" made; made=$((made + 1)) ;; esac
    elif [ -e ".$p" ] || [ ! -d ".${p%/*}" ]; then
      blocked "$p"
    elif mkdir -m 0700 -- ".$p" 2>>"$LOG"; then
      note "$id" made
      made=$((made + 1))
    else
      tally rc 1
    fi
  done
fi
tally moved "$made"
'
# Deepest first: gives the directories that were made here their owner, mode and time.
FINISH=$COMMON$NOTES'
unknown=0 n=$(($# / 6))
: >"$W/want"
while [ "$n" -gt 0 ]; do
  n=$((n - 1)) id=$1 p=$2 owner=$4 mode=$5 mtime=$6
  shift 6
  state "$id"
  case $state in made | again) ;; *) continue ;; esac
  if ! proper "$p" || ! safe "${p%/*}" || [ -L ".$p" ] || [ ! -d ".$p" ]; then continue; fi
  if [ "$owner" = - ]; then unknown=$((unknown + 1)); continue; fi
  printf "%s %s %s %s\n" "$id" "$owner" "$mode" "$mtime" >>"$W/want"
  set -- "$@" ".$p"
done
tally unknown "$unknown"
[ $# -gt 0 ] || exit 0
if ! facts "$@"; then tally rc 1; exit 0; fi
exec 4<"$W/want"
: >"$W/set"
owners= modes= one_owner=1 one_mode=1
while read -r now; do
  p=$1
  shift
  read -r id want <&4
  if same; then note "$id" set; continue; fi
  set -- "$@" "$p"
  printf "%s %s\n" "$id" "$want" >>"$W/set"
  owner=${want%% *} mode=${want#* }
  mode=${mode%% *}
  [ "${owners:=$owner}" = "$owner" ] || one_owner=0
  [ "${modes:=$mode}" = "$mode" ] || one_mode=0
done <"$W/now"
[ $# -gt 0 ] || exit 0
ok=1
if [ "$ME" = 0 ] && [ "$one_owner" = 1 ]; then chown -h -- "$owners" "$@" 2>>"$LOG" || ok=0; fi
exec 5<"$W/set"
for p do
  read -r id owner mode mtime <&5
  if [ "$ME" = 0 ] && [ "$one_owner" = 0 ]; then chown -h -- "$owner" "$p" 2>>"$LOG" || ok=0; fi
  touch -c -m -d "@$mtime" -- "$p" 2>>"$LOG" || ok=0
  # Five digits and more: fewer would leave a setgid bit that the parent has handed down.
  if [ "$one_mode" = 0 ]; then chmod -- "0000$mode" "$p" 2>>"$LOG" || ok=0; fi
done
if [ "$one_mode" = 1 ]; then chmod -- "0000$modes" "$@" 2>>"$LOG" || ok=0; fi
if [ "$ok" = 0 ]; then tally rc 1; exit 0; fi
while read -r id want; do note "$id" set; done <"$W/set"
'
# source path, path, owner, mode, time ('-' for none): as root, gives what an earlier run without root has restored to
# whom it belongs, if it still is the source's content. First to its owner, then compared, then its mode: who restored
# it could write to it until then.
MEND=$COMMON$NOTES'
mended=0
while [ $# -ge 5 ]; do
  from=$1 p=$2 owner=$3 mode=$4 mtime=$5
  shift 5
  proper "$p" && safe "${p%/*}" && there "$p" && [ "$owner" != - ] || continue
  now=$(stat -c "%u:%g %.9Y" -- ".$p" 2>>"$LOG") || continue
  made_by "$now" && [ "${now%% *}" != "$owner" ] && [ "${now#* }" = "$mtime" ] || continue
  chown -h -- "$owner" ".$p" 2>>"$LOG" || { tally rc 1; continue; }
  if [ -L ".$p" ]; then
    [ "$(readlink -- ".$p")" = "$(readlink -- "$PREFIX$ROOT$from")" ]
  else
    [ -f ".$p" ] && [ -f "$PREFIX$ROOT$from" ] && cmp -s -- "$PREFIX$ROOT$from" ".$p"
  fi || { chown -h -- "${now%% *}" ".$p" 2>>"$LOG"; continue; }
  [ "$mode" = - ] || chmod -- "0000$mode" ".$p" 2>>"$LOG" || tally rc 1
  mended=$((mended + 1))
done
tally mended "$mended"
'
# Destinations as they come, STEP fields a record, the field AT (WHOLE: the file itself is replaced): emits the
# directories that will be written to.
WRITTEN=$COMMON'
in=/
while [ $# -ge "$STEP" ]; do
  shift $((AT - 1))
  p=$1
  shift $((STEP - AT + 1))
  proper "$p" || continue
  if [ "$WHOLE" = 1 ] && safe "${p%/*}" && [ ! -L ".$p" ] && [ -f ".$p" ]; then emit ".$p"; fi
  [ "${p%/*}" != "$in" ] || continue
  in=${p%/*}
  safe "$in" || continue
  q=$in
  while [ -n "$q" ] && [ ! -d ".$q" ]; do q=${q%/*}; done
  emit "./$q"
done
'
export COMMON KNOWN_LINK

total() { [ -e "$W/$1" ] || { echo 0; return; }; awk '{ n += $1 } END { printf "%d\n", n }' "$W/$1"; }
names() { tr -cd '\000' <"$1" | wc -c | tr -d ' '; }
# Records of N fields; 16 of them at a time hold the longest paths and link targets.
records() { n=$1; shift; xargs -0 -r -n $((n * 16)) -x -s 600000 sh -c "$@"; }
# What runs in xargs gives up when it cannot write down what it does.
gave_up() { partial=1 stopped='what is done could not be written down: is the disk of the bundle full?'; }
worst() {
  while read -r rc; do
    # An rsync that was ended from outside may have left what it was writing.
    case $apply$rc in 10 | 123 | 124 | 0*) ;; *) : >"$J/killed" ;; esac
    case $rc in
      0) ;;
      23 | 24) partial=1 ;;
      20) partial=1 stopped="interrupted" ;;
      11) partial=1 stopped="rsync could not write (exit 11): is TARGET full?" ;;
      10 | 12 | 30 | 35 | 255) partial=1 stopped="rsync lost the connection to the source (exit $rc)" ;;
      *) partial=1 ;;
    esac
  done <"$W/rc"
}
chosen() {
  case ,$1, in *,damaged,*) [ "$damaged" = 1 ] || return 1 ;; esac
  case ,$1, in *,older,*) [ "$older" = 1 ] || return 1 ;; esac
  case ,$1, in *,person-deleted,*) [ "$person" = 1 ] || return 1 ;; esac
  case ,$1, in *,uncertain,*) [ "$uncertain" = 1 ] || return 1 ;; esac
  return 0
}
snapshot() { { host_of "$1" | sed 's/$/:/' | tr -d '\n'; tr '\000\n' '\n?' <"$B/lists/$1.root0" | head -n 1; } | cat -v; }

# Sparse, hard links among the entries of one list, numeric owners; names never go through a shell of the source's host
# (-s); times are compared to the nanosecond, else the time of a link that is replaced within its second is not set.
# What only root can make is left out without a word of rsync's: it is counted afterwards.
BASE='-aHS -s --numeric-ids --no-implied-dirs --modify-window=-1 --info=nonreg0'
# A file that belongs to somebody else now must not run as its new owner.
[ "$ME" = 0 ] || BASE="$BASE --chmod=Fug-s"
# Reading moves no access time in the backup, where that is sure to be allowed: where it is refused rsync does not read
# at all (EPERM, code 23). So only for a root that has CAP_FOWNER over every user, and on file systems whose kernel code
# decides it. A remote rsync may be too old for the option.
NOATIME=0
if [ "$ME" = 0 ]; then
  while read -r key value; do case $key$value in CapEff:*[89a-f]) NOATIME=1 ;; esac; done </proc/self/status
  while read -r inside outside range; do [ "$range" = 4294967295 ] || NOATIME=0; done </proc/self/uid_map
fi
QUIETLY='
quietly() {
  [ "$NOATIME$REMOTE" = 10 ] || return 0
  case $(stat -f -c %T -- "$1/" 2>/dev/null) in ext2/ext3 | xfs | btrfs | zfs | f2fs | tmpfs | overlayfs) OPTS="$OPTS --open-noatime" ;; esac
}
'
export NOATIME
# Returns when the last process of this rsync has ended: each holds the pipe open that nobody writes to. A killed one
# leaves others, and what they still do after the directories were given their times would look like the work of
# somebody else.
WAITED='
waited_rsync() { exec 6>&1; rest=$(rsync "$@" 7>&1 >&6 6>&-); }
'
timeout_of() { [ -z "$PREFIX" ] || printf ' --timeout=600'; }
# transfer NN LIST OPTIONS: one rsync for a list of names below one snapshot. Puts the count that a dry run would copy
# in $would, and that of what is there now in $arrived.
transfer() {
  would=0 arrived=0
  [ -s "$2" ] || return 0
  source_of "$1"
  LISTFILE=$2 OPTS="$BASE$(timeout_of) $3"
  # One file in the snapshot, and several in the volume: a backup may have been deduplicated.
  case $list in *-single) OPTS="$OPTS --no-hard-links" ;; esac
  if [ "$apply" = 0 ]; then OPTS="$OPTS -n --out-format=%l"; elif [ -t 1 ]; then OPTS="$OPTS --info=progress2"; fi
  export LISTFILE OPTS
  : >"$W/would"
  xargs -0 -r -n 2 -x -s 20000 sh -c "$QUIETLY$WAITED"'
    set -f
    case $REMOTE in
      1) root=$2 ;;
      *) root=$1; if [ ! -d "$PREFIX$root/" ]; then printf "the snapshot is not there: %s\n" "$PREFIX$root" >>"$LOG"; echo 3 >"$W/rc" && : >"$LISTFILE" || exit 255; exit 0; fi ;;
    esac
    if [ "$APPLY" = 0 ]; then exec >"$W/would"; fi
    quietly "$PREFIX$root"
    waited_rsync $OPTS ${BACKUP:+"--backup-dir=$BACKUP"} --from0 --files-from=- -- "$PREFIX$root/" ./ <"$LISTFILE" 2>>"$LOG"
    echo $? >>"$W/rc" || exit 255
    exit 0' sh <"$B/lists/$1.root0" || gave_up
  if [ "$apply" = 1 ]; then
    xargs -0 -r sh -c "$ABSENT" sh <"$2" >"$W/not" || gave_up
    arrived=$(($(names "$2") - $(names "$W/not")))
    # Where rsync failed, its messages say why.
    case $(tr -d '0\n' <"$W/rc") in '') cat "$W/not" >>"$W/absent0" || gave_up ;; esac
  fi
  would=$(wc -l <"$W/would" | tr -d ' ')
  would_bytes=$(awk -v n="$would_bytes" '{ n += $1 } END { printf "%.0f", n }' "$W/would")
}
pairs() {
  [ -s "$2" ] || return 0
  source_of "$1"
  OPTS="$BASE$(timeout_of) $3" PAIRLIST=$2 INSIDE=0
  [ ! -e "$B/lists/$1.inside" ] || INSIDE=1
  export OPTS PAIRLIST PAIR WAITED INSIDE
  xargs -0 -r -n 2 -x -s 20000 sh -c "$QUIETLY"'
    case $INSIDE$LIVE$REMOTE in
      # In the volume itself, wherever the snapshots lie; where TARGET is another directory, in the one that was judged.
      11*) ROOT=. PREFIX= REMOTE=0 ;;
      1*) ROOT=$1 PREFIX= REMOTE=0 ;;
      *1) ROOT=$2 ;;
      *) ROOT=$1 ;;
    esac
    quietly "$PREFIX$ROOT"
    export ROOT PREFIX REMOTE OPTS
    exec xargs -0 -r -n 112 -x -s 600000 sh -c "$WAITED$PAIR" sh <"$PAIRLIST"' sh <"$B/lists/$1.root0" || gave_up
}

# ---- what is asked for ---------------------------------------------------------------------------------------------
LISTS='' need_bytes=0 need_files=0
out_damaged=0 out_older=0 out_person=0 out_uncertain=0
while read -r nn list type files bytes needs <&3; do
  [ "$nn" = '#' ] && continue
  if chosen "$needs"; then
    LISTS="$LISTS $list"
    [ "$type" = dirs ] && continue
    need_bytes=$((need_bytes + bytes)) need_files=$((need_files + files))
  elif [ "$type" != dirs ]; then
    # By what is lacking: a list may need two options.
    case $person$uncertain$damaged,$needs, in
      0??*,person-deleted,*) out_person=$((out_person + files)) ;;
      ?0?*,uncertain,*) out_uncertain=$((out_uncertain + files)) ;;
      ??0*,damaged,*) out_damaged=$((out_damaged + files)) ;;
      *) out_older=$((out_older + files)) ;;
    esac
  fi
done 3<"$B/lists/plan"
export LISTS
if [ -z "$LISTS" ] && [ "$out_damaged$out_older$out_person$out_uncertain" = 0000 ]; then
  say "there is nothing to restore in this bundle: see README.txt, and lost.jsonl for what no copy is left of"
  exit 0
elif [ "$apply" = 1 ]; then
  say "restoring into $T. Stop everything that writes to it first: a name that somebody creates while rsync transfers that very file is replaced"
else
  say "dry run for $T: nothing is written; add --apply to do it"
fi
[ -n "$(find . -mindepth 1 -maxdepth 1 -print 2>/dev/null | head -n 1)" ] || say "NOTE: TARGET is empty. Is the volume mounted?"
[ "$ME" = 0 ] || say "NOTE: not running as root: every restored file will belong to you, without setuid and setgid bits. Devices cannot be created, and files of others may not be readable. Running the same command as root later sets the owners"

[ "$ME" != 0 ] || [ "$protected" = 1 ] || say "NOTE: symlinks below TARGET could not be switched off (that takes a mount namespace, Linux 5.10 and util-linux 2.38, and TARGET other than /): who can write there while this runs may lead it elsewhere. Stop everything that writes to TARGET first"

partial=0 stopped='' copied=0 linked=0 made=0 unknown=0 mended=0 would_bytes=0 quiet=0
BACKUP='' REPLACING=''
export BACKUP REPLACING
fresh() { : >"$W/present" && : >"$W/moved" && : >"$W/rc" && : >"$W/names0" && : >"$W/pairs0" || die 2 "cannot write in $W"; }

make_directories() {
  fresh
  [ "$apply" = 0 ] || records 6 "$REOPEN" sh <"$B/lists/dirs.make0" || gave_up
  records 6 "$DIRECTORY" sh <"$B/lists/dirs.make0" || gave_up
  worst
  made=$(total moved)
  [ "$quiet" = 1 ] || names_of
}
# With -v.
names_of() { [ ! -s "$W/names0" ] || tr '\000\n' '\n?' <"$W/names0" | cat -v | sed 's/^/  /'; }

# List by list; links last, for what they link to may have come back just now.
put_back() {
  for pass in copy link; do
    while read -r nn list type files bytes needs <&3; do
      [ "$nn" = '#' ] && continue
      chosen "$needs" || continue
      [ -z "$stopped" ] || continue
      case $pass$type in copylinks | linkfiles | linkpairs | linkreplace | copydirs | linkdirs) continue ;; esac
      fresh
      blocked_before=$(names "$W/blocked0") changed_before=$(names "$W/changed0")
      absent_before=$(names "$W/absent0") fixed_before=$(names "$W/fixed0")
      BACKUP='' REPLACING='' would=0 arrived=0 before=$partial
      partial=0
      case $type in
        files)
          if xargs -0 -r sh -c "$COPY" sh <"$B/lists/$nn-$list.files0" >"$W/list"; then transfer "$nn" "$W/list" --ignore-existing; else gave_up; fi
          ;;
        links)
          if records 8 "$LINK" sh <"$B/lists/$nn-$list.links0" >"$W/list"; then
            linked=$((linked + $(total moved)))
            transfer "$nn" "$W/list" --ignore-existing
            pairs "$nn" "$W/pairs0" --ignore-existing
          else gave_up; fi
          ;;
        pairs)
          pairs "$nn" "$B/lists/$nn-$list.pairs0" --ignore-existing
          # Their sizes are not asked for one by one.
          [ "$apply$(total moved)" = 00 ] || would_bytes=$((would_bytes + bytes))
          ;;
        replace)
          if records 9 "$REPLACE" sh <"$B/lists/$nn-$list.was0" >"$W/list"; then
            BACKUP=$EVIDENCE
            REPLACING=1 how='--ignore-times --backup'
            # A dry run has no evidence directory.
            [ "$apply" = 1 ] || how=--ignore-times
            if [ "$apply" = 1 ] && { [ -s "$W/list" ] || [ -s "$W/pairs0" ]; }; then mkdir -p -- "$EVIDENCE" || die 2 "cannot make the evidence directory"; fi
            transfer "$nn" "$W/list" "$how"
            pairs "$nn" "$W/pairs0" "$how"
            [ "$apply" = 0 ] || records 9 "$REPLACED" sh <"$B/lists/$nn-$list.was0" || gave_up
          else gave_up; fi
          BACKUP=''
          ;;
        *) die 2 "the plan has a kind of list that this script does not know: $type" ;;
      esac
      worst
      [ "$(names "$W/absent0")" = "$absent_before" ] || partial=1
      if [ "$apply" = 1 ]; then
        done_now=$(($(total moved) + arrived))
        verb='restored'
        # What is there may be the damaged content still.
        [ "$type$partial" = replace1 ] && verb='attempted'
      else
        verb='would be restored' done_now=$((would + $(total moved)))
      fi
      copied=$((copied + done_now))
      if [ "$quiet" = 0 ]; then
        line="$nn $list from $(snapshot "$nn"): $(counted "$files" file), $done_now $verb, $(total present) already there"
        some=$(($(names "$W/blocked0") - blocked_before))
        [ "$some" = 0 ] || line="$line, $some blocked"
        some=$(($(names "$W/changed0") - changed_before))
        [ "$some" = 0 ] || line="$line, $some left alone because they changed"
        some=$(($(names "$W/fixed0") - fixed_before))
        [ "$some" = 0 ] || line="$line, $some that chattr protects"
        say "$line$([ "$partial" = 0 ] || echo '; PARTLY FAILED')"
        names_of
      fi
      [ "$before" = 0 ] || partial=1
    done 3<"$B/lists/plan"
  done
}

# over_lists SCRIPT: runs it over the records of all lists.
over_lists() {
  while read -r nn list type rest <&3; do
    case $nn$type in
      '#'*) continue ;;
      *files) STEP=1 AT=1 WHOLE=0 suffix=files0 ;;
      *links) STEP=8 AT=1 WHOLE=0 suffix=links0 ;;
      *pairs) STEP=7 AT=3 WHOLE=0 suffix=pairs0 ;;
      *replace) STEP=9 AT=1 WHOLE=1 suffix=was0 ;;
      *) continue ;;
    esac
    export STEP AT WHOLE
    if [ "$STEP" = 1 ]; then xargs -0 -r sh -c "$1" sh; else records "$STEP" "$1" sh; fi <"$B/lists/$nn-$list.$suffix"
  done 3<"$B/lists/plan"
}
# Asked once for all; where there is none, nothing is asked of single directories.
look_for_fixed() {
  command -v lsattr >/dev/null 2>&1 || return 0
  over_lists "$WRITTEN" 2>/dev/null | xargs -0 -r lsattr -d -- 2>/dev/null |
    awk '$1 ~ /^[-A-Za-z]*[ai]/ { found = 1 } END { exit !found }' && SOME_FIXED=1
}
# What runs without root have restored gets its owners.
mend() {
  [ "$ME" = 0 ] && [ -n "$UNOWNED" ] && command -v cmp >/dev/null 2>&1 || return 0
  fresh
  : >"$W/mended"
  seen=' '
  while read -r nn rest <&3; do
    case $nn$seen in '#'* | *" $nn "*) continue ;; esac
    seen="$seen$nn " OWNERS=$B/lists/$nn.owners0 INSIDE=0
    [ -e "$OWNERS" ] || continue
    [ ! -e "$B/lists/$nn.inside" ] || INSIDE=1
    # What lies on another host cannot be compared here.
    source_of "$nn"
    [ "$REMOTE$INSIDE" != 10 ] || continue
    export OWNERS INSIDE MEND
    xargs -0 -r -n 2 -x -s 20000 sh -c '
      case $INSIDE$LIVE in 11) ROOT=. PREFIX= ;; 1*) ROOT=$1 PREFIX= ;; *) ROOT=$1 ;; esac
      export ROOT PREFIX
      exec xargs -0 -r -n 80 -x -s 600000 sh -c "$MEND" sh <"$OWNERS"' sh <"$B/lists/$nn.root0" || gave_up
  done 3<"$B/lists/plan"
  worst
  mended=$(total mended)
}

look_for_fixed

# ---- is there room? ------------------------------------------------------------------------------------------------
set -- $(stat -f -c '%a %S %c %d %b' .)
# Some file systems do not count inodes, and some nothing at all.
free_bytes='' free_inodes=''
[ "$5" = 0 ] || free_bytes=$(($1 * $2))
[ "$3" = 0 ] || free_inodes=$4
# too_little BYTES INODES
too_little() { { [ -n "$free_bytes" ] && [ "$1" -gt "$free_bytes" ]; } || { [ -n "$free_inodes" ] && [ "$2" -gt "$free_inodes" ]; }; }
free="$([ -z "$free_bytes" ] && echo 'an unknown size' || size "$free_bytes")${free_inodes:+ and $(counted "$free_inodes" inode)}"
room() { echo "TARGET has too little room: $(size "$1") and $(counted "$2" inode) are needed, $free are free"; }
say "the chosen lists hold $(counted "$need_files" file) ($(size "$need_bytes")); free in TARGET: $free"
listed_inodes=$((need_files + $(names "$B/lists/dirs.make0") / 6))
if [ "$apply" = 1 ] && [ "$fill" = 0 ] && too_little "$need_bytes" "$listed_inodes"; then
  # Much of it may be there already: only what is absent counts.
  apply=0 APPLY=0 quiet=1
  make_directories
  put_back
  if too_little "$would_bytes" "$((copied - linked + made))"; then
    die 4 "$(room "$would_bytes" "$((copied - linked + made))")" "nothing was changed; make room, or add --fill to put back what fits (sparse files may take less)"
  fi
  apply=1 APPLY=1 quiet=0 partial=0 stopped='' copied=0 linked=0 made=0
  begin
fi

# ---- directories before any file of any list, and their owner, mode and time last, deepest first -------------------
make_directories
[ "$made" = 0 ] || say "$(counted "$made" directory directories) $([ "$apply" = 1 ] && echo created || echo would be created)"
put_back
if [ "$apply" = 1 ]; then
  fresh
  records 6 "$FINISH" sh <"$B/lists/dirs.finish0" || gave_up
  worst
  unknown=$(total unknown)
  mend
  sync -f . 2>/dev/null || sync
fi

# After a run that was killed: which temporary files of rsync it may have left. They are named and not deleted, for they
# could be somebody's.
temporaries() {
  over_lists "$TEMPORARY" >"$W/left0" 4>"$W/entries0" || return
  for each in left entries; do tr '\000\n' '\n?' <"$W/${each}0" >"$W/$each"; done
  # What was restored under such a name is none of them.
  awk 'FILENAME == ARGV[1] { left[$0] = 1; next } { delete left["." $0] } END { for (name in left) print name }' "$W/left" "$W/entries" | cat -v >"$W/temporary"
}

# ---- what happened -------------------------------------------------------------------------------------------------
full=0 vanished=0 blocked=$(names "$W/blocked0") left=$(names "$W/changed0") closed=$(names "$W/closed0") absent=$(names "$W/absent0")
fixed=$(names "$W/fixed0")
show() {
  tr '\000\n' '\n?' <"$1" | head -n 20 | cat -v | sed 's/^/  /'
  [ "$(names "$1")" -le 20 ] || say "  ... and more"
}
if [ "$blocked" != 0 ]; then
  say "blocked: $(counted "$blocked" entry entries). A symlink or something else is where one of their directories should be, or that directory is gone:"
  show "$W/blocked0"
fi
if [ "$closed" != 0 ]; then
  partial=1
  say "no permission: $(counted "$closed" entry entries). This user (uid $ME) may not write to their directory:"
  show "$W/closed0"
fi
if [ "$fixed" != 0 ]; then
  partial=1
  say "protected by chattr: $(counted "$fixed" entry entries), not restored. They, or their directory, are append-only or immutable (see lsattr); remove that with chattr -a -i, and run the same command again:"
  show "$W/fixed0"
fi
if [ "$absent" != 0 ]; then
  say "not restored: $(counted "$absent" entry entries) that rsync left out (only root can create devices and other special files), or that were removed again meanwhile:"
  show "$W/absent0"
fi
if [ "$left" != 0 ]; then
  say "left alone: $(counted "$left" file) that changed since the assessment, and $([ "$left" = 1 ] && echo is || echo are) no longer the damaged content:"
  show "$W/changed0"
fi
[ "$unknown" = 0 ] || say "NOTE: $(counted "$unknown" directory directories) kept mode 0700: their owner, mode and time are not known"
[ "$mended" = 0 ] || say "$(counted "$mended" file) that an earlier run without root restored now $([ "$mended" = 1 ] && echo belongs to its owner || echo belong to their owners)"
[ "$out_damaged" = 0 ] || say "not restored: $(counted "$out_damaged" "damaged file") (add --damaged)"
[ "$out_older" = 0 ] || say "not restored: $(counted "$out_older" file) of which only an older version is left (add --older)"
[ "$out_person" = 0 ] || say "not restored: $(counted "$out_person" file) a person probably deleted (add --person-deleted)"
[ "$out_uncertain" = 0 ] || say "not restored: $(counted "$out_uncertain" file) that may have been deleted on purpose (add --uncertain)"
if [ -s "$LOG" ]; then
  say "messages of rsync and the other tools (the last 20 of $(wc -l <"$LOG" | tr -d ' ')):"
  tail -n 20 "$LOG" | cat -v | sed 's/^/  /'
fi
# Hints only: a name that holds such words changes nothing but what is said.
if [ "$partial" = 1 ]; then
  while IFS= read -r line; do
    case $line in
      *'No space left on device'* | *'Disk quota exceeded'*) full=1 ;;
      *'link_stat'*'No such file or directory'* | *'change_dir'*'No such file or directory'* | 'the snapshot is not there'* | 'the copy in the volume is no longer'* | *'Input/output error'*) vanished=1 ;;
    esac
  done <"$LOG"
fi
if [ "$apply" = 1 ]; then
  cp -- "$LOG" "$J/messages" 2>/dev/null
  cp -- "$W/blocked0" "$J/blocked.files0" 2>/dev/null
  cp -- "$W/changed0" "$J/left-alone.files0" 2>/dev/null
  cp -- "$W/fixed0" "$J/protected.files0" 2>/dev/null
  [ ! -d "$EVIDENCE" ] || say "the damaged content that was replaced is kept in $EVIDENCE"
fi
if [ "$apply" = 1 ] && [ -e "$J/killed" ]; then
  temporaries
  if [ -s "$W/temporary" ]; then
    say "NOTE: an earlier run, or its rsync, was killed. These look like temporary files that rsync left behind (.NAME.XXXXXX). Look at them, then delete them:"
    sed 's/^/  /' "$W/temporary"
  else
    rm -f -- "$J/killed"
  fi
fi
if [ -n "$stopped" ]; then say "STOPPED: $stopped"; fi
[ "$full" = 0 ] || say "a disk ran out of space or inodes: make room, and run the same command again"
[ "$vanished" = 0 ] || say "some copies are gone, changed or cannot be read: run 'rollcall assess' again; it looks for other copies and writes a new bundle"
if [ "$partial" = 1 ]; then
  if [ "$apply" = 1 ]; then say "ONLY PARTLY DONE. Remove the cause, then run the same command again: it continues"; else say "some of it would fail; see the messages above"; fi
  next=2
elif [ "$apply" = 0 ] && [ "$fill" = 0 ] && too_little "$would_bytes" "$((copied - linked + made))"; then
  say "$(room "$would_bytes" "$((copied - linked + made))"); --apply will refuse, unless you make room or add --fill"
  next=4
elif [ "$blocked" != 0 ] || [ "$left" != 0 ]; then
  next=1
else
  next=0
fi
if [ "$apply" = 1 ]; then
  say "$(counted "$copied" file) restored$([ "$linked" = 0 ] || echo " ($linked by linking)"), $(counted "$made" directory directories) created. Next, check them byte for byte:"
  say "  $(cat -- "$B/lists/program") verify $(quoted "$B") $(quoted "$T")"
else
  say "$(counted "$copied" file) would be restored, $(counted "$made" directory directories) created. To do it, run the same command with --apply"
fi
exit "$next"
