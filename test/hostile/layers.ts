// The attacks by content again, sent through byteback itself to a server with `sandbox = none`: to one without all that stops the
// attack, where it reaches its goal, and to one that has a single layer of these, which alone stops it.
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Scope } from "effect"
import type { Lab, LabError, Machine } from "../lab/Lab.ts"
import type { Deed } from "./deed.ts"
import { type Entry, fileList, rawFilter, rawPush } from "./rawPush.ts"
import { Siege } from "./siege.ts"

/** What stands between a client's bytes and the server. */
const layers = [
  "the sandbox",
  "--fake-super",
  "--confine-root",
  "the host's uid",
  "rsync itself",
  "the grammar"
] as const
type Layer = (typeof layers)[number]

const current = "/byteback/attacker/current"

/** A file named like a layer takes it off. In the sandbox there is nothing but /usr. */
const off = "/usr/off"

/** The rsync of such a server. Where not even rsync itself is left, it is one that has been taken over: it does what a list says. */
const rsync = String.raw`#!/bin/sh
has() { [ ! -e "/usr/off/$1" ]; }
if [ "$1" != --server ]; then exec /usr/bin/rsync.good "$@"; fi
if ! has "rsync itself"; then exec /usr/bin/perl /usr/off.pl "$@"; fi
sender=
case " $* " in *" --sender "*) sender=yes ;; esac
for word; do
  shift
  case $word in
  --fake-super) has --fake-super || continue ;;
  --confine-root=*) has --confine-root || continue ;;
  -[a-zA-Z]*) [ -z "$sender" ] || has "the grammar" || word=-L$(echo "$word" | cut -c2-) ;;
  esac
  set -- "$@" "$word"
done
exec /usr/bin/rsync.good "$@"
`

const setpriv = String.raw`#!/bin/sh
[ -e "/usr/off/the host's uid" ] || exec /usr/bin/setpriv.good "$@"
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
`

const takenOver = String.raw`use strict;
my $owners = grep /^-[a-z]*o/i, @ARGV;
sub bytes { my $all = ""; while (length $all < $_[0]) { sysread(STDIN, $all, $_[0] - length $all, length $all) or exit } $all }
sub int { unpack "l<", bytes(4) }
sub text { bytes(&int) }
syswrite STDOUT, pack "V", 29;
&int;
my @files;
while (ord bytes(1)) {
  my $name = text();
  bytes(8) if &int == -1;
  &int;
  my ($mode, $owner) = (&int, $owners ? &int : -1);
  symlink text(), $name if ($mode & 0170000) == 0120000;
  push @files, [$name, $mode & 07777, $owner];
}
&int;
while ((my $index = &int) >= 0) {
  bytes(18);
  my $data = text();
  bytes(20);
  my ($name, $mode, $owner) = @{$files[$index]};
  if (open my $file, ">", $name) { print $file $data }
  chmod $mode, $name;
  chown $owner, -1, $name;
}
`

/** The server with all of its layers, each of which can be taken off. */
const openServer = Effect.gen(function* () {
  const { open } = yield* Siege
  const server = yield* open
  if (yield* server.exists(off)) return server
  yield* server.ok([
    "sh",
    "-c",
    'for one in rsync setpriv; do mv "/usr/bin/$one" "/usr/bin/$one.good"; done; mkdir "$1"',
    "sh",
    off
  ])
  yield* server.write("/usr/bin/rsync", rsync, { mode: "0755" })
  yield* server.write("/usr/bin/setpriv", setpriv, { mode: "0755" })
  yield* server.write("/usr/off.pl", takenOver, { mode: "0644" })
  yield* server.ok(["mkdir", "-p", "/run/byteback/attacker"])
  yield* server.write("/etc/bait", "bait of etc\n", { mode: "0644" })
  yield* server.write("/root/bait", "bait of root\n")
  return server
})

/** Leaves the server with these layers and no other, and with nothing of the attack before. */
const leave = (server: Machine, kept: ReadonlyArray<Layer>) =>
  server.ok([
    "sh",
    "-ec",
    `rm -rf ${off}/* /tmp/escaped /byteback/*/escaped /byteback/victim/current/escaped /srv/outside
     find ${current} -mindepth 1 -delete
     mkdir -p ${current}/a /srv/outside; chmod 777 ${current} ${current}/a /srv/outside
     echo root >/srv/outside/roots; chmod 600 /srv/outside/roots
     echo none >/etc/byteback/sandbox
     for layer; do if [ "$layer" = "the sandbox" ]; then rm /etc/byteback/sandbox; else : >"${off}/$layer"; fi; done`,
    "sh",
    ...layers.filter((one) => kept.includes(one) === (one === "the sandbox"))
  ])

const mux = ["-o", "ControlMaster=auto", "-o", "ControlPath=/root/mux-open", "-o", "ControlPersist=600"]

/** One session. rsync may wait for what a raw client does not say: the client hangs up, and the next session begins when that has ended. */
const session = Effect.fnUntraced(function* (line: string, stdin: Uint8Array) {
  const { attacker } = yield* Siege
  const server = yield* openServer
  const result = yield* attacker.run(["timeout", "5", "ssh", ...mux, "open", line], { stdin })
  yield* server.until(["flock", "/run/byteback/attacker/lock", "true"])
  return result.stdout + result.stderr
})

const ssh = ["-e", ["ssh", ...mux].join(" ")]

/** What rsync's own client sends of what a script makes in an empty directory; its stderr. */
const pushOf = Effect.fnUntraced(function* (script: string) {
  const { attacker } = yield* Siege
  const server = yield* openServer
  yield* attacker.ok(["sh", "-ec", `rm -rf /nasty; mkdir /nasty; cd /nasty; ${script}`])
  const push = 'exec timeout 10 rsync -aX --numeric-ids "$@" * open:.'
  const { stderr } = yield* attacker.run(["sh", "-c", push, "sh", ...ssh], { cwd: "/nasty" })
  yield* server.until(["flock", "/run/byteback/attacker/lock", "true"])
  return stderr
})

/** What rsync's own client gets of a path, in bytes. */
const fetched = Effect.fnUntraced(function* (path: string, ...more: ReadonlyArray<string>) {
  const { attacker } = yield* Siege
  yield* attacker.write("/root/through", "door/bait\n")
  const words = ["timeout", "10", "rsync", "-a", ...more, ...ssh, `open:${path}`, "/gathered/"]
  const { stderr, stdout } = yield* attacker.run(words)
  const came = yield* attacker.ok(["sh", "-c", "cd /gathered && find . -type f -exec cat {} +; rm -rf /gathered"])
  return stderr + stdout + came
})

interface Attack {
  readonly name: string
  /** One try; every byte that the attacker saw of it. */
  readonly once: Effect.Effect<string, LabError, Siege | Lab | Scope.Scope>
  /** Ends with 0 on the server once the goal is reached; null: the attacker saw what is in a file of the server. */
  readonly goal: string | null
  /** The layers of which each alone keeps it from its goal. */
  readonly heldBy: ReadonlyArray<Layer>
}

const raw = (...pushes: ReadonlyArray<ReadonlyArray<Entry>>) =>
  Effect.map(
    Effect.forEach(pushes, (entries) => session("rsync --server -rlDte.LsfxCIvu --inplace . .", rawPush(entries))),
    (said) => said.join("")
  )

const escaped = "/tmp/escaped"
const isEscaped = `test -e ${escaped}`
const outOfProtocol = ["the sandbox", "--fake-super"] as const
const roots = ["the sandbox", "--fake-super", "the host's uid"] as const

const attacks: ReadonlyArray<Attack> = [
  {
    name: "`..` in the file list",
    once: raw([fileList.file("../escaped")]),
    goal: "test -e /byteback/attacker/escaped",
    heldBy: ["the sandbox", "the host's uid", "rsync itself"]
  },
  {
    name: "`a/../../b` in the file list",
    once: raw([fileList.file("a/../../escaped")]),
    goal: "test -e /byteback/attacker/escaped",
    heldBy: ["the sandbox", "the host's uid", "rsync itself"]
  },
  {
    name: "the way to the neighbour in the file list",
    once: raw([fileList.file("../../victim/current/escaped")]),
    goal: "test -e /byteback/victim/current/escaped",
    heldBy: ["the sandbox", "the host's uid", "rsync itself"]
  },
  {
    name: "an absolute name in the file list",
    once: raw([fileList.file(escaped)]),
    goal: isEscaped,
    heldBy: ["the sandbox", "rsync itself"]
  },
  {
    name: "a link, then a file through it",
    once: raw([fileList.link("door", "/tmp"), fileList.file("door/escaped")]),
    goal: isEscaped,
    heldBy: outOfProtocol
  },
  {
    name: "a link planted in one push, a file through it in the next",
    once: raw([fileList.link("door", "/tmp")], [fileList.file("door/escaped")]),
    goal: isEscaped,
    heldBy: outOfProtocol
  },
  {
    name: "a link by way of links in a directory, a file through it in the next push",
    once: raw(
      [fileList.directory("a"), fileList.link("a/b", "/tmp"), fileList.link("a/c", "b"), fileList.link("a/d", "c")],
      [fileList.directory("a"), fileList.file("a/d/escaped")]
    ),
    goal: isEscaped,
    heldBy: outOfProtocol
  },
  {
    name: "a planted link, and --inplace over it",
    // the link is replaced in the order of the list, and the data may come before
    once: raw(
      [fileList.link("door", escaped)],
      [...Array.from({ length: 300 }, (_, index) => fileList.absent(`absent-${1000 + index}`)), fileList.file("door")]
    ),
    goal: isEscaped,
    heldBy: outOfProtocol
  },
  {
    name: "a link to the neighbour, then a file through it",
    once: raw([fileList.link("side", "../../victim/current")], [fileList.file("side/escaped")]),
    goal: "test -e /byteback/victim/current/escaped",
    heldBy: roots
  },
  {
    name: "a link, then the content of root's file through it",
    once: raw([fileList.link("door", "/srv/outside")], [fileList.file("door/roots")]),
    goal: "grep -q raw /srv/outside/roots",
    heldBy: roots
  },
  {
    name: "a link, then the mode of root's file through it",
    once: Effect.andThen(
      raw([fileList.link("door", "/srv/outside")]),
      session("rsync --server -rlpDte.LsfxCIvu --inplace . .", rawPush([fileList.file("door/roots")]))
    ),
    goal: "test $(stat -c %a /srv/outside/roots) = 644",
    heldBy: ["the sandbox", "the host's uid", "rsync itself"]
  },
  {
    name: "a link, then the owner of root's file through it",
    once: Effect.andThen(
      raw([fileList.link("door", "/srv/outside")]),
      session(
        "rsync --server -rloDte.LsfxCIvu --inplace --numeric-ids . .",
        rawPush([fileList.owned("door/roots", 1234)])
      )
    ),
    goal: "test $(stat -c %u /srv/outside/roots) = 1234",
    heldBy: ["the sandbox", "the host's uid", "rsync itself"]
  },
  {
    name: "a restore with -L through a planted link",
    once: Effect.andThen(pushOf("ln -s /etc/bait door"), fetched("current/door")),
    goal: null,
    heldBy: ["the sandbox", "--fake-super", "the grammar"]
  },
  {
    name: "a restore with --files-from through a planted link",
    once: Effect.andThen(pushOf("ln -s /etc door"), fetched("current/", "--files-from=/root/through")),
    goal: null,
    heldBy: ["the sandbox", "--fake-super", "--confine-root"]
  },
  ...(
    [
      ["a device", "mknod one b 8 0", "b", true],
      ["a fifo", "mkfifo one", "p", false],
      ["a socket", `perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("one"))'`, "s", false],
      ["a symbolic link", "ln -s /etc/bait one", "l", false]
    ] as const
  ).map(([name, script, type, privileged]) => ({
    name: `${name} in current`,
    once: pushOf(script),
    goal: `test -n "$(find ${current} -type ${type})"`,
    heldBy: privileged ? roots : outOfProtocol
  })),
  {
    name: "a file that is setuid in current",
    once: pushOf("cp /bin/true one; chmod 4755 one"),
    goal: `test -n "$(find ${current} -perm /6000)"`,
    heldBy: ["--fake-super"]
  },
  {
    name: "a capability in an xattr of a file in current",
    once: pushOf("cp /bin/true one; setcap cap_net_raw+ep one"),
    goal: `test -n "$(getcap -r ${current})"`,
    heldBy: roots
  },
  {
    name: "filter rules in a restore that name a file of the server",
    once: session("rsync --server --sender -re.LsfxCIvu . current", rawFilter(". /etc/bait")),
    goal: null,
    heldBy: ["the sandbox", "--confine-root"]
  },
  {
    name: "filter rules in a restore that name a file of root's",
    once: session("rsync --server --sender -re.LsfxCIvu . current", rawFilter(". /root/bait")),
    goal: null,
    heldBy: ["the sandbox", "--confine-root", "the host's uid"]
  },
  {
    name: "filter rules in a push that name a file of the server",
    once: session("rsync --server -re.LsfxCIvu --delete . .", rawFilter(". /etc/bait")),
    goal: null,
    heldBy: ["the sandbox", "--confine-root"]
  }
]

const reaches = Effect.fnUntraced(function* ({ goal, once }: Attack, kept: ReadonlyArray<Layer>, tries: number) {
  const server = yield* openServer
  yield* leave(server, kept)
  const saw: Array<string> = []
  let reached = false
  for (let time = 0; time < tries && !reached; time += 1) {
    saw.push(yield* once)
    reached =
      goal === null
        ? /bait of|rule from \S*\/bait/.test(saw.at(-1)!)
        : (yield* server.run(["sh", "-c", goal])).code === 0
  }
  return { reached, saw }
})

const alive = (attack: Attack): Deed => ({
  area: "Layers",
  name: attack.name,
  run: Effect.gen(function* () {
    const { heldBy } = attack
    const others = layers.filter((one) => !heldBy.includes(one))
    // An rsync that has been taken over, or is told to follow links, is another attack.
    const given = others.filter((one) => one === "rsync itself" || one === "the grammar")
    const allButTheSandbox = layers.filter((one) => one !== "the sandbox")
    const stopped = [allButTheSandbox, ...heldBy.map((one) => [...given, one])]
    const saw: Array<string> = []
    for (const kept of stopped) {
      const result = yield* reaches(attack, kept, 2)
      assert.isFalse(result.reached, `stopped by ${kept.join(", ")}: ${result.saw.at(-1)}`)
      saw.push(...result.saw)
    }
    // What comes before the link is there does not go through it: an attacker tries again.
    const result = yield* reaches(attack, others, 40)
    assert.isTrue(result.reached, `not stopped by ${others.join(", ")}: ${result.saw.at(-1)}`)
    const [sandbox, ...rest] = heldBy
    const each = rest.length > 1 ? `${rest.join(", ")}, each alone` : rest[0]
    return {
      outcome:
        sandbox === "the sandbox"
          ? `with sandbox = none: stopped by ${each}; the sandbox alone stops it too; it succeeds without these`
          : `with sandbox = none: stopped by ${sandbox}, and by nothing else`,
      saw: [...saw, ...result.saw]
    }
  })
})

const honest: Deed = {
  area: "Layers",
  name: "an honest push and restore: the twin of those that are not",
  run: Effect.gen(function* () {
    const server = yield* openServer
    const saw: Array<string> = []
    for (const kept of [layers, ...layers.map((one) => ["rsync itself", one] as const)]) {
      yield* leave(server, kept)
      const pushed = yield* pushOf("echo well >well")
      const came = yield* fetched("current/well")
      assert.deepStrictEqual([pushed, came], ["", "well\n"], kept.join(", "))
      saw.push(pushed, came)
    }
    return { outcome: "served by each of these servers", saw }
  })
}

export const layerDeeds: ReadonlyArray<Deed> = [honest, ...attacks.map(alive)]
