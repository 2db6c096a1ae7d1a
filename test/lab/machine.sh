# Boots one machine of a lab: runs as PID 1 of new mount, pid, network, uts and ipc namespaces, lays the machine's own
# files over the lab's layers, makes them its root, and becomes init. A second boot finds the files of the first.
# Arguments: NAME, the machine's directory, the lower layers. Environment: INIT.
set -euo pipefail
name=$1 disk=$2 lower=$3

read -r outer _ </proc/self/stat
umask 022
mkdir -p "$disk"
cd "$disk"
mkdir -p upper work root
mount -t overlay -o "lowerdir=$lower,upperdir=upper,workdir=work,xino=on" lab-root root
cd root

mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs run
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs tmp
mount -t tmpfs -o nosuid,mode=0755 udev dev
cp -a /boot/dev/. dev/
mkdir run/sshd
mkdir -m 1777 run/lock
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs dev/shm

pivot_root . .
umount -l .
cd /

hostname "$name"
if [ ! -e /etc/machine-id ]; then
  echo "$name" >/etc/hostname
  tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
  ssh-keygen -q -t ed25519 -N '' -C "root@$name" -f /etc/ssh/ssh_host_ed25519_key
fi

exec perl -e "$INIT" machine "$outer"
