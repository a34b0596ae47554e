#!/bin/sh
# Puts back what an assessment found lost or damaged, from the lists beside this script. It needs no database and no Rollcall.
#
# Without --apply it looks and writes nothing. It never writes over a name that exists, except damaged files with --damaged, and
# those only while they still are the damaged content of the manifest; the damaged content is kept in evidence/.
#
# How it is built, because it may run as root against hostile names:
# - Paths and snapshot names come from NUL-terminated data only, through GNU xargs, as positional parameters. There is no eval.
# - Everything at the target is relative to the directory that was entered and checked once.
# - Every ancestor of every entry is looked at right before it is used; a symlink among them blocks the entry.
# - Nothing that others named reaches the terminal but through cat -v.
set -u -f
LC_ALL=C
export LC_ALL
umask 077
unset CDPATH ENV BASH_ENV POSIXLY_CORRECT CVSIGNORE RSYNC_OLD_ARGS RSYNC_PROTECT_ARGS RSYNC_ICONV RSYNC_PARTIAL_DIR \
  RSYNC_CHECKSUM_LIST RSYNC_COMPRESS_LIST RSYNC_PROXY TIME_STYLE
IFS=$(printf ' \t\nx')
IFS=${IFS%x}

usage() {
  cat <<'EOF'
usage: restore.sh [--apply] [--damaged] [--older] [--person-deleted] [--source HOST:] TARGET

Puts back into TARGET what the lists of this bundle name. Without --apply nothing is written.

  --apply             do it (stop everybody who writes to TARGET first)
  --damaged           also replace damaged files, each only while it still is the damaged content of the manifest
  --older             also use older versions, where no copy of the last good state is left
  --person-deleted    also bring back what a person probably deleted
  --source HOST:      the snapshots lie on HOST, reached over ssh (or a local prefix, like /mnt/backup)
  --evidence DIR      where replaced damaged files are kept (default: evidence/ in the bundle)
  --not-gluster       TARGET is a read-write FUSE, NFS or SMB mount with no GlusterFS behind it
  --bricks-rescued    the bricks behind TARGET were scanned and their hidden files rescued

exit codes: 0 done (or the dry run found nothing in the way), 1 some entries were left alone, 2 failed or only partly done,
4 a guard refused, 130 interrupted. Running it again continues; what is there already is left as it is.
EOF
}

# For our own words and the operator's paths: UTF-8 stays readable, control characters do not pass. What others named goes through cat -v.
visible() { tr '\001-\011\013-\037\177' '?' | sed 's/\xc2[\x80-\x9f]/?/g'; }
say() { printf '%s\n' "$*" | visible; }
die() {
  code=$1
  shift
  for line do printf 'restore.sh: %s\n' "$line" | visible >&2; done
  exit "$code"
}
# One word for a shell, so that a printed command can be pasted.
quoted() {
  case $1 in
    '' | *[!A-Za-z0-9_./:@%+=-]*) printf "'"; printf '%sx' "$1" | sed "s/'/'\\\\''/g" | { q=$(cat); printf '%s' "${q%x}"; }; printf "'" ;;
    *) printf '%s' "$1" ;;
  esac
}

apply=0 damaged=0 older=0 person=0 allowed=0 PREFIX='' evidence='' target='' targets=0 only_target=0
while [ $# -gt 0 ]; do
  case $only_target$1 in
    0--apply) apply=1 ;;
    0--damaged) damaged=1 ;;
    0--older) older=1 ;;
    0--person-deleted) person=1 ;;
    0--not-gluster | 0--bricks-rescued) allowed=1 ;;
    0--source | 0--evidence)
      [ $# -ge 2 ] || die 2 "$1 needs a value"
      if [ "$1" = --source ]; then PREFIX=$2; else evidence=$2; fi
      shift
      ;;
    0--source=*) PREFIX=${1#--source=} ;;
    0--evidence=*) evidence=${1#--evidence=} ;;
    0--help | 0-h) usage; exit 0 ;;
    0--) only_target=1 ;;
    0-?*) die 2 "unknown option: $1" "see: restore.sh --help" ;;
    *) target=$1 targets=$((targets + 1)) ;;
  esac
  shift
done
[ "$targets" = 1 ] && [ -n "$target" ] || { usage >&2; exit 2; }
case $PREFIX in -*) die 2 "--source must not begin with '-': $PREFIX" ;; esac

# ---- tools, before anything else -------------------------------------------------------------------------------------------------
absent=''
for tool in rsync xargs sha256sum stat find awk sed tr wc cut head tail cat cp rm sync mkdir mktemp chown chmod touch ln readlink date id dirname; do
  command -v "$tool" >/dev/null 2>&1 || absent="$absent $tool"
done
[ -z "$absent" ] || die 2 "not installed on this machine:$absent" "nothing was changed; install it (Debian: apt-get install rsync findutils coreutils) and run this again"
printf 'a\0' | xargs -0 -r -x -n 1 -s 4000 true 2>/dev/null || die 2 "xargs is not GNU xargs (findutils), which this script needs for names with any bytes"
stat -c %u . >/dev/null 2>&1 || die 2 "stat is not GNU stat (coreutils)"
rsync_version=$(rsync --version 2>/dev/null | sed -n '1s/^rsync  *version v\{0,1\}\([0-9][0-9.]*\).*/\1/p')
printf '%s\n' "$rsync_version" | awk -F. '{ exit !($1 * 1000000 + $2 * 1000 + $3 >= 3002004) }' ||
  die 2 "rsync is ${rsync_version:-of an unknown version}; 3.2.4 or newer is needed, because older ones hand names to a remote shell" "nothing was changed"

ME=$(id -u)
MYGROUP=$(id -g)

# ---- the bundle: nobody else may have had a hand in it --------------------------------------------------------------------------
here=$(dirname -- "$0"; printf x)
here=${here%?x}
B=$(CDPATH='' cd -P -- "$here" && pwd -P; printf x)
B=${B%?x}
start=$(pwd -P; printf x)
start=${start%?x}
cd -P -- "$B" || die 2 "cannot enter the bundle"
others=$(find . -path './evidence/?*' -prune -o \( -type l -o \( ! -uid "$ME" ! -uid 0 \) -o -perm -020 -o -perm -002 \) -print | head -n 5 | cat -v)
[ -z "$others" ] || die 4 "this bundle, or something in it, belongs to somebody else or can be written by others:" "$others" \
  "after looking at it: chown -R $(id -un 2>/dev/null || echo "$ME") BUNDLE && chmod -R go-w BUNDLE"
up=$B
while [ -n "$up" ]; do
  up=${up%/*}
  set -- $(stat -c '%a %g' -- "${up:-/}")
  case $1 in
    [1357]???) ;; # sticky: others cannot rename what is not theirs
    *[2367]) die 4 "others can write to a directory above this bundle, and could exchange it: ${up:-/}" "copy the bundle to a directory of yours" ;;
    *[2367]?) [ "$2" = 0 ] || [ "$2" = "$MYGROUP" ] || die 4 "group $2 can write to a directory above this bundle, and could exchange it: ${up:-/}" "copy the bundle to a directory of yours" ;;
  esac
done
sha256sum --quiet --strict -c SHA256SUMS >/dev/null 2>&1 || die 4 "the lists are not as they were written:" "$(sha256sum --quiet --strict -c SHA256SUMS 2>&1 | head -n 5 | cat -v)" "nothing was changed; write a new bundle with: rollcall assess"

# ---- the target -----------------------------------------------------------------------------------------------------------------
cd -- "$start" || exit 2
case $target in -*) target=./$target ;; esac
[ -d "$target" ] || die 2 "TARGET is not a directory: $target"
cd -P -- "$target" || die 2 "cannot enter TARGET: $target"
T=$(pwd -P; printf x)
T=${T%?x}
export T

# The mount that was entered, by its id; and mounts below it that a restored path could lead into.
exec 8<. || die 2 "cannot open TARGET"
mount_id=''
while read -r key value; do [ "$key" = mnt_id: ] && mount_id=$value; done </proc/self/fdinfo/8
exec 8<&-
[ -n "$mount_id" ] || die 2 "cannot learn which mount TARGET lies on (/proc/self/fdinfo)"
# Prints "type ro|rw" of TARGET's mount first, then of risky ones below it.
mounts=$(ID=$mount_id awk '
  BEGIN {
    t = ENVIRON["T"]
    gsub(/\\/, "\\134", t); gsub(/ /, "\\040", t); gsub(/\t/, "\\011", t); gsub(/\n/, "\\012", t)
    if (t != "/") t = t "/"
  }
  {
    for (i = 7; i <= NF && $i != "-"; i++) ;
    type = $(i + 1)
    mode = ("," $6 "," $(i + 3) "," ~ /,ro,/) ? "ro" : "rw"
    risky = (type ~ /^(fuse|fuseblk|fuse\..*|nfs|nfs4|cifs|smb3|smbfs)$/) && mode == "rw"
    if ($1 == ENVIRON["ID"]) print "target", type, mode, risky
    else if (risky && substr($5 "/", 1, length(t)) == t) print "below", type, mode, risky
  }' /proc/self/mountinfo)
case $mounts in
  *'target '*) ;;
  *) die 2 "cannot find TARGET's mount in /proc/self/mountinfo" ;;
esac
if [ "$allowed" = 0 ]; then
  case $mounts in
    *' 1'*) die 4 "TARGET is, or holds, a read-write FUSE, NFS or SMB mount; if GlusterFS is behind it, merely looking a name up can delete the last copy of a file" \
      "order of work: stop all writers and any rebalance; scan the bricks; rescue the hidden files from the bricks; then restore; then verify" \
      "no name was looked up and nothing was changed; when the bricks are done add --bricks-rescued, or --not-gluster when there is no GlusterFS behind it" ;;
  esac
fi
if [ "$apply" = 1 ]; then
  case $mounts in *'target '*' ro '*) die 2 "TARGET is mounted read-only: nothing was changed" ;; esac
fi

# ---- work directories -----------------------------------------------------------------------------------------------------------
key=$(printf '%s' "$T" | sha256sum | cut -c 1-16)
J=$B/journal/$key
W='' EVIDENCE=''
trap '[ -z "$W" ] || rm -rf -- "$W"' EXIT
trap 'printf "\nrestore.sh: interrupted; nothing is lost: run it again and it continues\n" >&2; exit 130' INT TERM HUP
if [ "$apply" = 1 ]; then
  mkdir -p -- "$J" 2>/dev/null && [ -w "$J" ] || die 2 "cannot write in the bundle, where the directories that were made are recorded until they are finished" "copy the bundle to a disk that can be written"
  if command -v flock >/dev/null 2>&1; then
    exec 9>"$J/lock"
    # What a run that was interrupted has started may still be ending.
    flock -w 10 9 || die 2 "another restore from this bundle into TARGET is running"
    # Left behind by a run that was killed.
    find "$J" -mindepth 1 -maxdepth 1 -name 'work.*' -exec rm -rf -- {} +
  fi
  if [ -n "$evidence" ]; then
    evidence=$(cd -- "$start" && mkdir -p -- "$evidence" && cd -P -- "$evidence" && pwd -P; printf x)
    evidence=${evidence%?x}
    [ -n "$evidence" ] || die 2 "cannot make the evidence directory"
  else
    evidence=$B/evidence/$key
  fi
  EVIDENCE=$evidence/$(date -u +%Y%m%dT%H%M%SZ)-$$
  W=$(mktemp -d "$J/work.XXXXXXXXXX") || die 2 "cannot make a working directory in the bundle"
else
  W=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-restore.XXXXXXXXXX") || die 2 "cannot make a temporary directory"
fi
: >"$W/blocked0"
: >"$W/changed0"
LOG=$W/log
: >"$LOG"
APPLY=$apply
export W J LOG APPLY PREFIX EVIDENCE B ME

# ---- what runs inside xargs: names arrive as positional parameters, never as text of a command ------------------------------------
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
blocked() { printf "%s\000" "$1" >>"$W/blocked0"; }
usable() {
  if ! proper "$1" || ! safe "${1%/*}" || { [ "$APPLY" = 1 ] && [ ! -d ".${1%/*}" ]; }; then
    blocked "$1"
    return 1
  fi
  return 0
}
there() { [ -e ".$1" ] || [ -L ".$1" ]; }
sum() { s=$(sha256sum <".$1" 2>>"$LOG"); s=${s%% *}; }
'
# Emits the entries that are absent.
COPY=$COMMON'
present=0
for p do
  usable "$p" || continue
  if there "$p"; then present=$((present + 1)); continue; fi
  printf "%s\000" "$p"
done
printf "%s\n" "$present" >>"$W/present"
'
# path, source path, the same for a remote glob, kind, what lies there, what shall: emits what may be replaced.
REPLACE=$COMMON'
present=0
while [ $# -ge 6 ]; do
  p=$1 from=$2 remote=$3 kind=$4 was=$5 want=$6
  shift 6
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
    if [ "$from" = "$p" ]; then printf "%s\000" "$p"; else printf "%s\000%s\000%s\000" "$from" "$remote" "$p" >>"$W/pairs0"; fi
  elif [ "$nowkind" = "$kind" ] && [ -n "$want" ] && [ "$now" = "$want" ]; then
    present=$((present + 1))
  else
    printf "%s\000" "$p" >>"$W/changed0"
  fi
done
printf "%s\n" "$present" >>"$W/present"
'
# path, surviving name, SHA-256: links where the survivor has the content; emits what must be copied instead.
LINK=$COMMON'
present=0 linked=0
while [ $# -ge 3 ]; do
  p=$1 survivor=$2 want=$3
  shift 3
  usable "$p" || continue
  if there "$p"; then present=$((present + 1)); continue; fi
  if proper "$survivor" && safe "${survivor%/*}" && [ ! -L ".$survivor" ] && [ -f ".$survivor" ]; then
    sum "$survivor"
    if [ "$s" = "$want" ]; then
      if [ "$APPLY" = 0 ] || ln -T -- ".$survivor" ".$p" 2>>"$LOG"; then linked=$((linked + 1)); continue; fi
    fi
  fi
  printf "%s\000" "$p"
done
printf "%s\n" "$present" >>"$W/present"
printf "%s\n" "$linked" >>"$W/moved"
'
# source path, the same for a remote glob, destination: one rsync each, for content that goes to another name.
PAIR=$COMMON'
present=0 moved=0
while [ $# -ge 3 ]; do
  from=$1 remote=$2 p=$3
  shift 3
  usable "$p" || continue
  if [ -z "$REPLACING" ] && there "$p"; then present=$((present + 1)); continue; fi
  if [ "$APPLY" = 0 ]; then moved=$((moved + 1)); continue; fi
  case $PREFIX in *:*) from=$remote ;; esac
  rsync $OPTS ${BACKUP:+"--backup-dir=$BACKUP${p%/*}"} -- "$PREFIX$ROOT$from" ".$p" </dev/null >/dev/null 2>>"$LOG"
  rc=$?
  printf "%s\n" "$rc" >>"$W/rc"
  [ "$rc" = 0 ] && moved=$((moved + 1))
  case $rc in 0 | 23 | 24) ;; *) break ;; esac
done
printf "%s\n" "$present" >>"$W/present"
printf "%s\n" "$moved" >>"$W/moved"
'
# Directories come as: number, path, lists that need it, owner, mode, mtime. What this bundle has made at this target is remembered by number
# in the journal, in one word: wanted, made, set (it has its owner, mode and time), again (to be set again after this run has added to it).
# Words are added and the last one counts: a word that were written over the one before could be lost to a kill in between.
NOTES='
state() { state=; [ ! -e "$J/$1" ] || while read -r word; do state=$word; done <"$J/$1"; }
# Lines of owner, mode and time, without names, for the directories given; fails when one of them cannot be asked.
facts() { stat -c "%u:%g %a %.9Y" -- "$@" >"$W/now" 2>>"$LOG"; }
# Who is not root sets no owners, and does not compare them.
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
  same || continue
  printf "again\n" >>"$J/$id"
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
      case $(stat -c "%u %a" -- ".$p") in "$ME 700" | "$ME 2700") printf "made\n" >>"$J/$id" ;; esac
    fi
    continue
  fi
  if [ -e ".$p" ]; then blocked "$p"; continue; fi
  if [ "$APPLY" = 0 ]; then made=$((made + 1)); continue; fi
  printf "wanted\n" >>"$J/$id"
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
      printf "made\n" >>"$J/$id"
      made=$((made + 1))
    elif [ -L ".$p" ]; then
      blocked "$p"
    elif [ -d ".$p" ]; then
      # Made by the failed call, or by somebody else since it was looked at.
      case $(stat -c "%u %a" -- ".$p") in "$ME 700" | "$ME 2700") printf "made\n" >>"$J/$id"; made=$((made + 1)) ;; esac
    elif [ -e ".$p" ] || [ ! -d ".${p%/*}" ]; then
      blocked "$p"
    elif mkdir -m 0700 -- ".$p" 2>>"$LOG"; then
      printf "made\n" >>"$J/$id"
      made=$((made + 1))
    else
      printf "1\n" >>"$W/rc"
    fi
  done
fi
printf "%s\n" "$made" >>"$W/moved"
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
printf "%s\n" "$unknown" >>"$W/unknown"
[ $# -gt 0 ] || exit 0
if ! facts "$@"; then printf "1\n" >>"$W/rc"; exit 0; fi
exec 4<"$W/want"
: >"$W/set"
owners= modes= one_owner=1 one_mode=1
while read -r now; do
  p=$1
  shift
  read -r id want <&4
  if same; then printf "set\n" >>"$J/$id"; continue; fi
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
if [ "$ok" = 0 ]; then printf "1\n" >>"$W/rc"; exit 0; fi
while read -r id want; do printf "set\n" >>"$J/$id"; done <"$W/set"
'
export COMMON KNOWN_LINK

total() { [ -e "$W/$1" ] || { echo 0; return; }; awk '{ n += $1 } END { printf "%d\n", n }' "$W/$1"; }
names() { tr -cd '\000' <"$1" | wc -c | tr -d ' '; }
# Records of N fields; 32 of them at a time hold the longest paths.
records() { n=$1; shift; xargs -0 -r -n $((n * 32)) -x -s 600000 sh -c "$@"; }
worst() {
  while read -r rc; do
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
  return 0
}
snapshot() { tr '\000\n' '\n?' <"$B/lists/$1.root0" | head -n 1 | cat -v; }

# Sparse, hard links among the entries of one list, numeric owners; names never go through a shell of the source's host (-s); times are
# compared to the nanosecond, else the time of a link that is replaced within its second is not set.
BASE='-aHS -s --numeric-ids --no-implied-dirs --modify-window=-1'
[ -n "$PREFIX" ] && BASE="$BASE --timeout=600"
# transfer NN LIST OPTIONS: one rsync for a list of names below one snapshot. Puts the count that a dry run would copy in $would.
transfer() {
  would=0
  [ -s "$2" ] || return 0
  LISTFILE=$2 OPTS="$BASE $3"
  if [ "$apply" = 0 ]; then OPTS="$OPTS -n --out-format=x"; elif [ -t 1 ]; then OPTS="$OPTS --info=progress2"; fi
  export LISTFILE OPTS
  : >"$W/would"
  xargs -0 -r -n 2 -x -s 20000 sh -c '
    set -f
    case $PREFIX in *:*) root=$2 ;; *) root=$1 ;; esac
    case $PREFIX in
      *:*) ;;
      *) if [ ! -d "$PREFIX$root/" ]; then printf "the snapshot is not there: %s\n" "$PREFIX$root" >>"$LOG"; echo 3 >"$W/rc"; exit 0; fi ;;
    esac
    if [ "$APPLY" = 0 ]; then exec >"$W/would"; fi
    rsync $OPTS ${BACKUP:+"--backup-dir=$BACKUP"} --from0 --files-from=- -- "$PREFIX$root/" ./ <"$LISTFILE" 2>>"$LOG"
    echo $? >>"$W/rc"
    exit 0' sh <"$B/lists/$1.root0" || { echo 1 >>"$W/rc"; }
  would=$(wc -l <"$W/would" | tr -d ' ')
}
pairs() {
  [ -s "$2" ] || return 0
  OPTS="$BASE $3" PAIRLIST=$2
  export OPTS PAIRLIST PAIR
  xargs -0 -r -n 2 -x -s 20000 sh -c '
    case $PREFIX in *:*) ROOT=$2 ;; *) ROOT=$1 ;; esac
    export ROOT
    exec xargs -0 -r -n 96 -x -s 600000 sh -c "$PAIR" sh <"$PAIRLIST"' sh <"$B/lists/$1.root0" || echo 1 >>"$W/rc"
}

# ---- what is asked for ----------------------------------------------------------------------------------------------------------
LISTS='' need_bytes=0 need_files=0 links=0
out_damaged=0 out_older=0 out_person=0
while read -r nn list type files bytes needs <&3; do
  [ "$nn" = '#' ] && continue
  if chosen "$needs"; then
    LISTS="$LISTS $list"
    [ "$type" = dirs ] && continue
    [ "$type" = links ] && links=1
    need_bytes=$((need_bytes + bytes)) need_files=$((need_files + files))
  elif [ "$type" != dirs ]; then
    case ,$needs, in
      *,person-deleted,*) out_person=$((out_person + files)) ;;
      *,damaged,*) out_damaged=$((out_damaged + files)) ;;
      *) out_older=$((out_older + files)) ;;
    esac
  fi
done 3<"$B/lists/plan"
export LISTS
if [ "$apply" = 1 ]; then
  say "restoring into $T; freeze it first: a name that somebody creates while rsync transfers that very file is replaced"
else
  say "dry run for $T: nothing is written; add --apply to do it"
fi
[ -n "$(find . -mindepth 1 -maxdepth 1 -print 2>/dev/null | head -n 1)" ] || say "NOTE: TARGET is empty. Is the volume mounted?"
set -- $(stat -f -c '%a %S %d' .)
free=$(awk -v a="$1" -v s="$2" 'BEGIN { printf "%.0f", a * s }')
say "the chosen lists hold $need_files files, $need_bytes bytes; free at TARGET: $free bytes, $3 inodes"
awk -v n="$need_bytes" -v f="$free" 'BEGIN { exit !(n > f) }' && say "NOTE: that may be more than fits; what does not fit is reported, and a second run continues"
[ "$ME" = 0 ] || say "NOTE: not root: owners cannot be set, and what others own may not be readable"

partial=0 stopped='' copied=0 linked=0 made=0 unknown=0
BACKUP='' REPLACING=''
export BACKUP REPLACING
fresh() { : >"$W/present"; : >"$W/moved"; : >"$W/rc"; : >"$W/pairs0"; }

# ---- directories, before any file of any list ------------------------------------------------------------------------------------
fresh
[ "$apply" = 0 ] || records 6 "$REOPEN" sh <"$B/lists/dirs.make0" || echo 1 >>"$W/rc"
records 6 "$DIRECTORY" sh <"$B/lists/dirs.make0" || echo 1 >>"$W/rc"
worst
made=$(total moved)
[ "$made" = 0 ] || say "directories: $made $([ "$apply" = 1 ] && echo made || echo would be made)"

# ---- files, list by list; links last, for what they link to may have come back just now -------------------------------------------
for pass in copy link; do
  while read -r nn list type files bytes needs <&3; do
    [ "$nn" = '#' ] && continue
    chosen "$needs" || continue
    [ -z "$stopped" ] || continue
    case $pass$type in copylinks | linkfiles | linkpairs | linkreplace | copydirs | linkdirs) continue ;; esac
    fresh
    blocked_before=$(names "$W/blocked0") changed_before=$(names "$W/changed0")
    BACKUP='' REPLACING='' would=0
    case $type in
      files)
        xargs -0 -r sh -c "$COPY" sh <"$B/lists/$nn-$list.files0" >"$W/list" || echo 1 >>"$W/rc"
        transfer "$nn" "$W/list" --ignore-existing
        ;;
      links)
        records 3 "$LINK" sh <"$B/lists/$nn-$list.links0" >"$W/list" || echo 1 >>"$W/rc"
        transfer "$nn" "$W/list" --ignore-existing
        linked=$((linked + $(total moved)))
        ;;
      pairs)
        pairs "$nn" "$B/lists/$nn-$list.pairs0" --ignore-existing
        ;;
      replace)
        records 6 "$REPLACE" sh <"$B/lists/$nn-$list.was0" >"$W/list" || echo 1 >>"$W/rc"
        BACKUP=$EVIDENCE
        REPLACING=1 how='--ignore-times --backup'
        # A dry run has no evidence directory.
        [ "$apply" = 1 ] || how=--ignore-times
        if [ "$apply" = 1 ] && { [ -s "$W/list" ] || [ -s "$W/pairs0" ]; }; then mkdir -p -- "$EVIDENCE" || die 2 "cannot make the evidence directory"; fi
        transfer "$nn" "$W/list" "$how"
        pairs "$nn" "$W/pairs0" "$how"
        BACKUP=''
        ;;
      *) die 2 "the plan has a kind of list that this script does not know: $type" ;;
    esac
    before=$partial
    partial=0
    worst
    if [ "$apply" = 1 ]; then
      done_now=$(total moved)
      verb='attempted'
      [ "$partial" = 0 ] && verb='restored'
      [ "$type" = pairs ] || done_now=$((done_now + $(names "$W/list")))
    else
      verb='would be restored' done_now=$((would + $(total moved)))
    fi
    copied=$((copied + done_now))
    say "$nn $list from $(snapshot "$nn"): $files listed, $done_now $verb, $(total present) there already, $(($(names "$W/blocked0") - blocked_before)) blocked, $(($(names "$W/changed0") - changed_before)) left alone because they changed$([ "$partial" = 0 ] || echo '; PARTLY FAILED')"
    [ "$before" = 0 ] || partial=1
  done 3<"$B/lists/plan"
done

# ---- owner, mode and time of the directories that were made here, deepest first ----------------------------------------------------
if [ "$apply" = 1 ]; then
  fresh
  records 6 "$FINISH" sh <"$B/lists/dirs.finish0" || echo 1 >>"$W/rc"
  worst
  unknown=$(total unknown)
  sync -f . 2>/dev/null || sync
fi

# ---- what happened --------------------------------------------------------------------------------------------------------------
blocked=$(names "$W/blocked0") left=$(names "$W/changed0")
show() {
  tr '\000\n' '\n?' <"$1" | head -n 20 | cat -v | sed 's/^/  /'
  [ "$(names "$1")" -le 20 ] || say "  ... and more"
}
if [ "$blocked" != 0 ]; then
  say "blocked: $blocked entries, because a symlink or something else stands where one of their directories should be, or that directory is gone:"
  show "$W/blocked0"
fi
if [ "$left" != 0 ]; then
  say "left alone: $left files that are no longer the damaged content of the manifest:"
  show "$W/changed0"
fi
[ "$unknown" = 0 ] || say "NOTE: $unknown directories stay with mode 0700: nobody recorded their owner, mode and time"
[ "$out_damaged" = 0 ] || say "not asked for: $out_damaged damaged files (--damaged)"
[ "$out_older" = 0 ] || say "not asked for: $out_older files of which only an older version is left (--older)"
[ "$out_person" = 0 ] || say "not asked for: $out_person files that a person probably deleted (--person-deleted)"
if [ -s "$LOG" ]; then
  say "messages of the tools (the last 20 of $(wc -l <"$LOG" | tr -d ' ')):"
  tail -n 20 "$LOG" | cat -v | sed 's/^/  /'
fi
if [ "$apply" = 1 ]; then
  cp -- "$LOG" "$J/messages" 2>/dev/null
  cp -- "$W/blocked0" "$J/blocked.files0" 2>/dev/null
  cp -- "$W/changed0" "$J/left-alone.files0" 2>/dev/null
  [ ! -d "$EVIDENCE" ] || say "the damaged content that was replaced: $EVIDENCE"
fi
if [ -n "$stopped" ]; then say "STOPPED: $stopped"; fi
if [ "$partial" = 1 ]; then
  if [ "$apply" = 1 ]; then say "ONLY PARTLY DONE; when the cause is removed, run the same command again: it continues"; else say "some of it would fail; see the messages above"; fi
  next=2
elif [ "$blocked" != 0 ] || [ "$left" != 0 ]; then
  next=1
else
  next=0
fi
if [ "$apply" = 1 ]; then
  say "$copied files restored or attempted ($linked by linking), $made directories made. Now read them all again:"
  say "  rollcall verify $(quoted "$B") $(quoted "$T")"
else
  say "$copied files would be restored, $made directories made. To do it, run the same command with --apply"
fi
exit "$next"
