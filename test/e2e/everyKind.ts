// A tree with every kind of file, metadata and name, made by a shell in /data.

/** One of everything that a filesystem can hold. */
export const everyKind = `
set -eu
mkdir -p /data/dir/sub /data/empty
cd /data
printf content > dir/file
printf secret > dir/secret; chmod 600 dir/secret; chown 1234:5678 dir/secret
printf setuid > dir/setuid; chmod 6755 dir/setuid
chmod 1777 empty
touch -d '2001-02-03 04:05:06.123456789' dir/old
ln dir/file dir/hard
ln -s ../nowhere dir/symlink
ln -s /data/dir/file absolute
mkfifo dir/fifo; chmod 640 dir/fifo
mknod dir/null c 1 3; mknod dir/disk b 7 200; chown 3:4 dir/disk
setfattr -n user.note -v hello dir/file
setfattr -n trusted.note -v root dir/file
setcap cap_net_raw+ep dir/setuid
setfacl -m u:4321:rw,g:99:r dir/secret
setfattr -n user.with.acl -v both dir/secret
setfattr -n user.with.acl -v both dir/sub
setfacl -d -m u:4321:rwx dir/sub
truncate -s 64M dir/sparse; printf end >> dir/sparse
printf x > "$(printf 'name with blanks \\n and \\033 and \\377')"
printf x > ' leading and trailing '
mkdir locked; printf x > locked/inside; chmod 0 locked; printf nothing > nothing; chmod 0 nothing
printf x > '-rf'; printf x > '*'; printf x > 'back\\slash'
`
