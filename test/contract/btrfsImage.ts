// A real btrfs on a loopback image, mounted while a scope is open; unmounted and freed whatever happens to the test.
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const isRoot = process.getuid?.() === 0

/** To be put behind a suite's name: says why it is skipped. */
export const needsRoot = isRoot ? "" : " (SKIPPED: needs root for a loopback btrfs)"

const MiB = 1024 * 1024
const mounts = new Set<string>()

const free = (directory: string): void => {
  if (!mounts.delete(directory)) return
  execFileSync("umount", ["--lazy", join(directory, "store")], { stdio: "ignore" })
  rmSync(directory, { recursive: true, force: true })
}

process.on("exit", () => {
  for (const directory of mounts) free(directory)
})

/** Mounts a fresh filesystem of `size` bytes and gives its mount point; `options` are the mount's. */
export const btrfsImage = (size: number = 512 * MiB, options: string = "noatime,nosuid,nodev,noexec") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const directory = mkdtempSync(join(tmpdir(), "byteback-btrfs-"))
      const image = join(directory, "image")
      const store = join(directory, "store")
      mkdirSync(store)
      writeFileSync(image, "")
      truncateSync(image, size)
      execFileSync("mkfs.btrfs", ["-q", image], { stdio: ["ignore", "ignore", "inherit"] })
      // The loop device frees itself with the mount.
      execFileSync("mount", ["-t", "btrfs", "-o", `loop,${options}`, image, store])
      mounts.add(directory)
      return store
    }),
    (store) => Effect.sync(() => free(join(store, "..")))
  )
