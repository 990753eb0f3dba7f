// What a command may touch of the process, so that tests can hand in something else.

import { once } from 'node:events'
import { styleText } from 'node:util'

type Style = 'red' | 'yellow' | 'green' | 'bold'

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  /** data */
  out(text: string): void
  /** Resolves when whoever reads the data has taken it. */
  flush(): Promise<void>
  /** words */
  say(text: string): void
  /** Coloured where the stream is a terminal; NO_COLOR and FORCE_COLOR count. */
  style(stream: 'out' | 'say', style: Style, text: string): string
}

export const processIo: Io = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  flush: async () => {
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
  },
  say: (text) => void process.stderr.write(`${text}\n`),
  style: (stream, style, text) =>
    styleText(style, text, { stream: stream === 'out' ? process.stdout : process.stderr, validateStream: true }),
}
