#!/bin/sh
# First process of the User Mode Linux guest: mounts what a program needs, runs the one program, powers off.
# `work`, `run` and `deadline` come as environment from the kernel command line (boot.mts).
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
# The root is the host's own, read-only: everything that is written goes to this tmpfs ...
mount -t tmpfs tmpfs "$work"
mkdir "$work/host" "$work/tmp" "$work/modules"
# ... except the results, which the host reads from this folder.
mount -t hostfs hostfs "$work/host" -o "$run"
export TMPDIR="$work/tmp"

# The kernel's own calls of modprobe must find the modules where the package puts them.
mkdir -p "$work/modules/lib/modules"
ln -s "/usr/lib/uml/modules/$(uname -r)" "$work/modules/lib/modules/$(uname -r)"
printf '#!/bin/sh\nexec modprobe -d %s/modules "$@"\n' "$work" > "$work/modprobe"
chmod +x "$work/modprobe"
echo "$work/modprobe" > /proc/sys/kernel/modprobe
# Not loaded on demand: nothing asks for it before /dev/loop-control is there.
modprobe -d "$work/modules" loop
ip link set lo up

timeout --signal=KILL "$deadline" "$run/node" "$run/program" "$work" "$work/host/input.json" "$work/host/results.jsonl" \
  > "$work/host/output.txt" 2>&1
echo $? > "$work/host/exit.txt"
# Services still hold the mounts; there is nothing on them that must survive.
echo o > /proc/sysrq-trigger
sleep 10
