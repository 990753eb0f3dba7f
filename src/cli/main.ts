// The entry that bin/sluice starts.

import { processIo } from './io.ts'
import { main } from './program.ts'

// Whoever reads our output may stop early (`sluice get ct | head`): that is no error.
process.stdout.on('error', (error: Error & { readonly code?: string }) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const exitCode = await main(process.argv.slice(2), processIo)
// A command that stays, like the lab, may have set its own.
if (exitCode !== 0) process.exitCode = exitCode
