// The sandbox that every byte of a client's is handled in: the command line that makes it.

/** One directory, one uid: what a sandboxed program gets to see of the server. */
export interface Sandbox {
  /** the only directory of the store inside, at /data */
  readonly directory: string
  readonly access: "read-write" | "read-only"
  /** numeric uid and gid of the host */
  readonly uid: number
}

/**
 * The argv that runs `command` in the sandbox: own mount, pid, net, ipc and uts namespaces, /usr and one directory, a
 * fresh environment, the host's uid, no capabilities, no new privileges, and death when the parent goes. Run as root
 * it needs no user namespace, so it works where those are switched off.
 */
export const sandboxArgv = (sandbox: Sandbox, command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "/usr/bin/bwrap",
  ...["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
  ...["--die-with-parent", "--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "LC_ALL", "C"],
  ...["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"],
  ...["--symlink", "usr/bin", "/bin", "--dev", "/dev"],
  ...[sandbox.access === "read-write" ? "--bind" : "--ro-bind", sandbox.directory, "/data"],
  ...["--chdir", "/data", "--", "/usr/bin/setpriv"],
  ...[`--reuid=${sandbox.uid}`, `--regid=${sandbox.uid}`, "--clear-groups"],
  ...["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"],
  ...command
]
