// A network namespace of the calling thread's own, with the devices, routes and neighbours that it was made with.
// Nobody else sees it, and it goes when the thread does.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { native } from '../../../native/load.ts'

export interface OwnNamespace {
  /** lines for `ip -batch`, after the loopback device is up */
  readonly commands: readonly string[]
  /** files under /proc/sys/net and what is written there, after the commands */
  readonly settings?: readonly (readonly [file: string, value: string])[]
}

/** It forwards both families, and nothing in it speaks of its own accord. */
const script = `
  set -e
  echo 0 > /proc/sys/net/ipv6/conf/default/disable_ipv6
  echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
  echo 0 > /proc/sys/net/ipv6/conf/default/accept_ra
  echo 0 > /proc/sys/net/ipv6/conf/default/router_solicitations
  echo 1 > /proc/sys/net/ipv4/ip_forward
  echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  while read -r line && [ "$line" != end ]; do echo "$line"; done | ip -batch -
  while read -r file value && [ "$file" != end ]; do echo "$value" > "/proc/sys/net/$file"; done
  echo ready
  read -r end || true
`

/** Moves the calling thread, which is not the main one, into a new namespace, for good. */
export async function enterOwnNamespace({ commands, settings = [] }: OwnNamespace): Promise<void> {
  const child = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr.on('data', (data: Buffer) => errors.push(data))
  const ended = once(child, 'close')
  ended.catch(() => {}) // looked at below
  child.stdin.on('error', () => {}) // then it has ended, and says why
  const lines = ['link set lo up', ...commands, 'end', ...settings.map(([file, value]) => `${file} ${value}`), 'end']
  child.stdin.write(`${lines.join('\n')}\n`)
  const ready = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)])
  if (!ready)
    throw new Error(`a network namespace could not be made: ${Buffer.concat(errors).toString().trim() || 'no reason'}`)
  native.enterNetworkNamespace(`/proc/${child.pid}/ns/net`)
  child.stdin.end()
  await ended
}
