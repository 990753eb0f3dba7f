// How ava finds and runs the tests. `npm test` (scripts/test.ts) runs them in tiers; one file alone: `npx ava FILE`.

if (Number(process.versions.node.split('.')[0]) < 24) {
  throw new Error(
    `the tests are TypeScript and need Node 24, this is ${process.version}: ` +
      'run scripts/setup, then `npx ava FILE` or `npm test`, which take the pinned Node',
  )
}

export default {
  extensions: { ts: 'module' },
  files: ['{src,scripts,native,bpf,lab,bench,test}/**/*.test.ts'],
  // A child process for each file, unless asked otherwise: a test that enters a network namespace or takes a signal
  // must not share its process. The suite passes both ways.
  workerThreads: process.env['SLUICE_WORKER_THREADS'] === '1',
  // Time without any test finishing; a story in the lab may take a while.
  timeout: '3m',
}
