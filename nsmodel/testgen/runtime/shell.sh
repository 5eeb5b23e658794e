LC_ALL=C LIBMOUNT_FORCE_MOUNT2=always PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL LIBMOUNT_FORCE_MOUNT2 PATH

cannot() {
	echo "1..0 # SKIP cannot run here: $1"
	exit 4
}

# The kernel's release is this version or a later one, but before another.
release_is_from() {
	[ "$release" -ge "$(number_of "$1")" ] && [ "$release" -lt "$(number_of "$2")" ]
}

number_of() {
	echo "$1" | awk -F'[^0-9]+' '{ print $1 * 1000 + $2 }'
}

# What errno a message tells of.
errno_of() {
	case $1 in
	*"bad option"* | *"wrong fs type"* | *": not mounted"*) echo EINVAL ;;
	*busy* | *"already mounted"*) echo EBUSY ;;
	*"ot a directory"*) echo ENOTDIR ;;
	*"permission denied"* | *"not permitted"*) echo EPERM ;;
	*"does not exist"* | *"No such file"*) echo ENOENT ;;
	*"No space left"*) echo ENOSPC ;;
	*"Too many levels"*) echo ELOOP ;;
	*"Read-only file system"*) echo EROFS ;;
	*"Directory not empty"*) echo ENOTEMPTY ;;
	*) echo "$1" ;;
	esac
}

fail() {
	echo "not ok $tests - $text"
	echo "$1" | sed 's/^/# /'
	while [ "$tests" -lt "$steps" ]; do
		tests=$((tests + 1))
		echo "ok $tests # SKIP not reached"
	done
	exit 1
}

# One call: what it gives, 0 or an errno, and the command that makes it. With `known`, the bugs that a release shows here.
step() {
	wanted=$1
	shift
	report
	tests=$((tests + 1))
	text="$* = $wanted"
	# What opens or closes must do so here, not in a shell of its own.
	if "$@" >"$room/said" 2>&1; then got=0; else got=$(errno_of "$(cat "$room/said")"); fi
	[ "$got" = "$wanted" ] || fail "expected $wanted, got $got"
}

# Open a place for reading, close it.
open_as() {
	eval "command exec $1<\"\$2\""
}

close_of() {
	eval "exec $1<&-"
}

# Report the step before: what it gave was right, now the mounts are compared.
report() {
	now=$(mounts)
	[ "$now" = "$standing" ] || fail "expected mounts:
$standing
got:
$now"
	[ -z "$text" ] || echo "${known:+not }ok $tests - $text${known:+ # TODO $known}"
	text= known=
}

# The mounts that there are now. A line has the places of what a mount lies on, from the first one on, and its own; its
# file system and what it shows of that; its attributes, as far as the case tells them apart; how it propagates. File
# systems and peer groups are numbered as they come.
mounts() {
	awk -v top="$T" -v told=",$options," '
	function way(id) { return (on[id] in at && on[id] != id ? way(on[id]) ">" : "") at[id] }
	$5 == top || index($5, top "/") == 1 {
		on[$1] = $2
		at[$1] = $5 == top ? "/" : substr($5, length(top) + 1)
		kind = attributes = ""
		for (i = 7; $i != "-"; i++)
			if ($i ~ /^(shared|master):|^unbindable$/) kind = kind " " $i
		n = split($6, word, ",")
		for (i = 1; i <= n; i++)
			if (index(told, "," word[i] ",")) attributes = attributes "," word[i]
		line[$1] = $3 " " $4 " " (attributes == "" ? "-" : substr(attributes, 2)) kind
	}
	END { for (id in line) print way(id) " " line[id] }' /proc/self/mountinfo | sort | awk '
	function label(table, key) {
		if (!((table, key) in name)) name[table, key] = ++last[table]
		return name[table, key]
	}
	{
		out = $1 " fs" label("fs", $2) ":" $3 " " $4
		for (i = 5; i <= NF; i++) {
			split($i, part, ":")
			out = out " " (part[2] == "" ? $i : part[1] ":" label("group", part[2]))
		}
		print out
	}'
}

# What /proc/self/mountinfo must show from here on, in the same words.
see() {
	standing=$(cat)
}

# Perform a play in namespaces of its own, on a file system of its own. Inside, $T leads to what is mounted there last,
# and $R, through a descriptor, to the file system itself, which stands for the root.
perform() {
	room=$(mktemp -d /tmp/case.XXXXXX) || exit 4
	timeout -k 5 60 unshare --mount --propagation private --pid --uts --ipc --fork --kill-child --mount-proc \
		sh "$0" inside "$1" "$room"
	status=$?
	rm -f "$room/said"
	rmdir "$room/root" "$room"
	[ $status -le 1 ] || [ $status = 4 ] || status=1
	return $status
}

inside() {
	room=$2 T=$2/root R=/proc/self/fd/9 tests=0 text= known=
	mkdir "$T" && mount -t tmpfs sandbox "$T" || cannot "a tmpfs cannot be mounted"
	exec 9<"$T"
	cd /
	umask 0
	echo "1..$steps"
	standing=$(mounts)
	"$1"
	report
	exit 0
}

prepare() {
	[ "$(id -u)" = 0 ] || cannot "this needs root"
	for tool in awk mktemp mount sed sort timeout umount unshare; do
		command -v $tool >/dev/null || cannot "no $tool"
	done
	release=$(number_of "$(uname -r)")
	[ "$release" -ge "$(number_of "$oldest")" ] || cannot "the kernel is older than $oldest"
	unshare --mount --pid --uts --ipc --fork true 2>/dev/null || cannot "no namespaces can be made"
	echo "TAP version 13"
}
