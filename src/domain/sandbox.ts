// The sandbox that every byte of a client's is handled in: the command line that makes it.
// It is no service of Effect's, with a layer in memory: byteback-priv becomes this command line, since no Node process may stay beside
// a push, and loading Effect would delay each one. What it keeps out is tried on real parts, in test/hostile.

/** One directory, one uid: what a sandboxed program gets to see of the server. */
export interface Sandbox {
  /** the only directory of the store inside, at /data */
  readonly directory: string
  readonly access: "read-write" | "read-only"
  /** numeric uid and gid of the host */
  readonly uid: number
  /** a file that is /etc/passwd inside, for a program that will not run as a uid without a name; default: there is none */
  readonly passwd?: string
}

/** The descriptor on which the runner hands over the seccomp filter (see seccomp.ts); bwrap closes it. */
export const filterDescriptor = 7

/** What /etc/byteback/sandbox may say: nothing, or the administrator's explicit word that there shall be none. */
export type SandboxChoice = "bubblewrap" | "none"

/** Null for any other word: then nothing is served. */
export const parseSandboxChoice = (text: string | null): SandboxChoice | null =>
  text === null || text === "" || text === "bubblewrap" ? "bubblewrap" : text === "none" ? "none" : null

const withoutRights = (uid: number): ReadonlyArray<string> =>
  [
    ["/usr/bin/setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"],
    ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"]
  ].flat()

/**
 * The argv that runs `command` in the sandbox: own mount, pid, net, ipc and uts namespaces, /usr and one directory, a
 * fresh environment, the host's uid, no capabilities, no new privileges, the seccomp filter, and death when the parent
 * goes. Run as root it needs no user namespace, so it works where those are switched off.
 */
export const sandboxArgv = (sandbox: Sandbox, command: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    ["/usr/bin/bwrap"],
    ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ["--hostname", "byteback", "--die-with-parent", "--seccomp", String(filterDescriptor)],
    // what setpriv needs to give all of it up, and bwrap to enter a host's directory
    ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"],
    ["--cap-add", "CAP_DAC_READ_SEARCH"],
    ["--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "LC_ALL", "C"],
    ["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"],
    ["--symlink", "usr/bin", "/bin", "--dev", "/dev"],
    [sandbox.access === "read-write" ? "--bind" : "--ro-bind", sandbox.directory, "/data"],
    sandbox.passwd === undefined
      ? []
      : ["--perms", "0755", "--dir", "/etc", "--ro-bind", sandbox.passwd, "/etc/passwd"],
    ["--chdir", "/data", "--"],
    withoutRights(sandbox.uid),
    command
  ].flat()

/** Where the administrator wants no sandbox: the host's uid without any rights, and the whole server to look at. */
export const unconfinedArgv = (uid: number, command: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...withoutRights(uid),
  ...command
]
