// The single steps of setting a server up, each with the line that --dry-run prints for it.
import { escapeText } from "../escape.ts"

export type Change =
  | { readonly _tag: "create-user"; readonly name: string; readonly shell: string }
  | { readonly _tag: "mend-user"; readonly name: string; readonly shell: string }
  | { readonly _tag: "make-directory"; readonly path: string; readonly mode: number }
  | { readonly _tag: "own-directory"; readonly path: string; readonly mode: number }
  | { readonly _tag: "create-image"; readonly path: string; readonly bytes: number }
  | { readonly _tag: "make-btrfs"; readonly path: string; readonly uuid: string; readonly force: boolean }
  | {
      readonly _tag: "mount"
      readonly source: string
      readonly target: string
      readonly options: ReadonlyArray<string>
    }
  | { readonly _tag: "remount"; readonly target: string; readonly options: ReadonlyArray<string> }
  | { readonly _tag: "write-file"; readonly path: string; readonly text: string; readonly mode: number }
  | { readonly _tag: "add-to-fstab"; readonly path: string; readonly line: string; readonly text: string }
  | { readonly _tag: "install-sshd"; readonly path: string; readonly text: string; readonly includeIn: string | null }
  | { readonly _tag: "reload-sshd" }
  | { readonly _tag: "install-sudoers"; readonly path: string; readonly text: string }
  | { readonly _tag: "enable-timer" }
  | { readonly _tag: "add-administrator-key"; readonly type: string; readonly blob: string }

const octal = (mode: number): string => mode.toString(8).padStart(4, "0")

/** One line, in the words of somebody who is about to do it. */
export const describeChange = (change: Change): string => {
  switch (change._tag) {
    case "create-user":
      return `create the user ${change.name}, whose login shell is ${change.shell}`
    case "mend-user":
      return `give the user ${change.name} the login shell ${change.shell}, and let it log in with keys`
    case "make-directory":
      return `make the directory ${escapeText(change.path)} (root, ${octal(change.mode)})`
    case "own-directory":
      return `give ${escapeText(change.path)} to root alone to write (${octal(change.mode)})`
    case "create-image":
      return `create the image ${escapeText(change.path)} of ${change.bytes} bytes (it takes space only as it fills)`
    case "make-btrfs":
      return `make a btrfs filesystem on ${escapeText(change.path)}${change.force ? ", DESTROYING what is there" : ""}`
    case "mount":
      return `mount ${escapeText(change.source)} on ${escapeText(change.target)} (${change.options.join(",")})`
    case "remount":
      return `mount ${escapeText(change.target)} again with ${change.options.join(",")}`
    case "write-file":
      return `write ${escapeText(change.path)} (${octal(change.mode)})`
    case "add-to-fstab":
      return `add to ${escapeText(change.path)}: ${escapeText(change.line)}`
    case "install-sshd":
      return `write ${change.path} and check it with sshd -t${change.includeIn === null ? "" : `, and add the Include line that reads it to ${change.includeIn}`}`
    case "reload-sshd":
      return "have sshd read its configuration again (sessions go on)"
    case "install-sudoers":
      return `write ${change.path}, checked with visudo -c`
    case "enable-timer":
      return "prune the store every hour (systemctl enable --now byteback-prune.timer)"
    case "add-administrator-key":
      return `let the administrator's key ${change.type} ...${change.blob.slice(-12)} enrol new hosts`
  }
}
