// The rows of commands: what is run over a capture of traffic, and how many frames a second must be gone through.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { destinations } from './traffic.ts'

export interface CommandRow {
  readonly name: string
  readonly goal: number | null
  /** of `sluice`, for this capture; other files that it needs go to the folder */
  readonly argumentsOf: (capture: string, scratch: string) => readonly string[]
  /** what tshark is asked for on the same file */
  readonly tsharkField: string
}

/** Services for all of the traffic. JSON is YAML too. */
function writeConfiguration(scratch: string): string {
  const path = join(scratch, 'sluice.yaml')
  const services = Object.entries(destinations).map(([name, destination]) => ({
    name,
    ...destination,
    announce: 'routed',
    select: 'hash',
    ...(destination.protocol === 'sctp' ? { outOfTheBlue: 'hash' } : {}),
    endpoints: [{ address: '10.0.3.1' }, { address: '10.0.3.2' }],
  }))
  writeFileSync(path, JSON.stringify({ version: 1, interfaces: [{ name: 'eth0' }], services }))
  return path
}

export const commandRows: readonly CommandRow[] = [
  {
    name: 'inspect',
    goal: 300_000,
    argumentsOf: (capture) => ['inspect', capture],
    tsharkField: '_ws.col.Info',
  },
  {
    name: 'inspect-stats',
    goal: 300_000,
    argumentsOf: (capture) => ['inspect', capture, '--stats'],
    tsharkField: 'frame.protocols',
  },
  {
    name: 'replay',
    goal: 100_000,
    argumentsOf: (capture, scratch) => ['replay', capture, '--config', writeConfiguration(scratch)],
    tsharkField: 'frame.protocols',
  },
]
