# PID 1 of a lab, in a mount, network and pid namespace of its own: a switch, a tmpfs for all machines' disks, and the
# layer that every machine has between the real machine's files and its own. Ends, and all machines with it, when its
# stdin closes. Arguments: none. Environment: INIT, the program that becomes PID 1 once all is prepared.
#
# Everything is kept below /boot, which is covered in this mount namespace only: every Debian has the directory, and
# neither the project nor a scratch directory lies in it.
set -euo pipefail

read -r outer _ </proc/self/stat # the proc mounted here is still the real machine's: this is our pid as seen from outside

for dir in /usr /etc; do
  if mountpoint -q "$dir"; then
    echo "lab: $dir is a filesystem of its own, and the lab can only lay machines over a / that holds it" >&2
    exit 1
  fi
done

# No limit that a store's size could run into: images are sparse, and only what is written counts.
mount -t tmpfs -o mode=0700,size=1t lab /boot
cd /boot
mkdir base base.work tree

# A whiteout hides what belongs to the real machine; a directory made over a whiteout starts empty.
hide() {
  local path
  for path in "$@"; do
    if [ -e "$path" ] || [ -L "$path" ]; then
      mkdir -p "base/$(dirname "$path")"
      mknod "base/$path" c 0 0
    fi
  done
}
shopt -s nullglob dotglob
for path in /*; do
  case ${path#/} in
  bin | sbin | lib | lib32 | lib64 | libx32 | usr | etc | var) ;;
  *) hide "$path" ;;
  esac
done
for path in /var/*; do
  case ${path#/var/} in
  lib | run | lock) ;;
  *) hide "$path" ;;
  esac
done
for path in /var/lib/*; do
  case ${path#/var/lib/} in
  dpkg | apt | pam | ucf | misc | systemd) ;;
  *) hide "$path" ;;
  esac
done
hide /etc/byteback /etc/cron.d/byteback* /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d /etc/sudoers.d /etc/machine-id
hide /etc/subuid /etc/subgid /usr/lib/byteback /usr/bin/byteback*
shopt -u nullglob dotglob

mount -t overlay -o lowerdir=/,upperdir=base,workdir=base.work,xino=on lab-base tree
cd tree
mkdir -p boot dev home media mnt opt proc run srv sys
mkdir -m 1777 -p tmp var/tmp
mkdir -p var/{backups,cache,local,log,mail,opt,spool} var/cache/{apt,debconf,ldconfig} var/spool/cron etc/ssh/sshd_config.d
chgrp mail var/mail && chgrp staff var/local && chmod 2775 var/mail var/local
mkdir -m 0750 etc/sudoers.d
cp -a etc/skel root && chmod 0700 root
cp usr/share/openssh/sshd_config etc/ssh/sshd_config
echo '# /etc/fstab' >etc/fstab
# Only system users are kept, and no password.
awk -F: '($3 < 1000 || $3 == 65534) && $1 !~ /^byteback/' /etc/passwd >etc/passwd
awk -F: '($3 < 1000 || $3 == 65534) && $1 !~ /^byteback/' /etc/group | sed 's/[^:]*$//' >etc/group
awk -F: -v OFS=: 'NR == FNR { keep[$1] = 1; next } keep[$1] { $2 = "*"; print }' etc/passwd /etc/shadow >etc/shadow
awk -F: 'NR == FNR { keep[$1] = 1; next } keep[$1] { print $1 ":*::" }' etc/group /etc/gshadow >etc/gshadow
rm -f etc/passwd- etc/group- etc/shadow- etc/gshadow-
cd /boot
umount tree

# Every machine's /dev. Loop devices are the kernel's, shared by all; their nodes are each machine's own.
mkdir -p dev/pts dev/shm
node() { mknod -m "$1" "dev/$2" "$3" "$4" "$5"; }
node 666 null c 1 3
node 666 zero c 1 5
node 666 full c 1 7
node 666 random c 1 8
node 666 urandom c 1 9
node 666 tty c 5 0
node 666 fuse c 10 229
node 600 btrfs-control c 10 234
node 600 loop-control c 10 237
for i in {0..63}; do node 660 "loop$i" b 7 "$i"; done
chgrp disk dev/loop[0-9]*
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

printf '%s\n' 'link set lo up' 'link add switch type bridge' 'link set switch up' | ip -batch -

cd /
exec perl -e "$INIT" lab "$outer"
