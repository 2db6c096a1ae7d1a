// One of everything that a filesystem can hold, and what it looks like to tools that are not rsync.
import { Effect } from "effect"
import type { Machine } from "../lab/Lab.ts"

/** Every file's kind, mode, owner, time, size, links and target, devices' numbers, and every content's sum: what must come back. */
export const fingerprint = Effect.fn("fingerprint")(function* (machine: Machine, directory: string) {
  const metadata = yield* machine.ok(
    [
      "find",
      ".",
      "-printf",
      "%P|%y|%m|%U|%G|%T@|%n|%l|",
      "(",
      "-type",
      "d",
      "-printf",
      "\\n",
      "-o",
      "-printf",
      "%s\\n",
      ")"
    ],
    { cwd: directory }
  )
  const contents = yield* machine.ok(["sh", "-c", "find . -type f -print0 | sort -z | xargs -0r sha256sum"], {
    cwd: directory
  })
  const xattrs = yield* machine.ok(["getfattr", "-R", "-P", "-h", "-d", "-m", "-", "--encoding=hex", "."], {
    cwd: directory
  })
  const acls = yield* machine.ok(["getfacl", "-R", "-P", "-n", "."], { cwd: directory })
  const links = yield* machine.ok(["sh", "-c", "find . -type f -links +1 -printf '%i %P\\n' | sort"], {
    cwd: directory
  })
  const nodes = ["find", ".", "(", "-type", "b", "-o", "-type", "c", ")", "-exec", "stat", "-c", "%n %t:%T", "{}", "+"]
  const devices = yield* machine.ok(nodes, { cwd: directory })
  const groups = new Map<string, Array<string>>()
  for (const line of links.split("\n").filter((one) => one !== "")) {
    const [inode = "", ...path] = line.split(" ")
    groups.set(inode, [...(groups.get(inode) ?? []), path.join(" ")])
  }
  return {
    metadata: metadata.split("\n").toSorted(),
    contents,
    xattrs: xattrs.split("\n\n").toSorted(),
    devices: devices.split("\n").toSorted(),
    acls: acls.split("\n\n").toSorted(),
    links: [...groups.values()].map((group) => group.toSorted().join(" = ")).toSorted()
  }
})

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
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "dir/socket", Listen => 1) or die'
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
