// Replays that are refused before anything is read or loaded.

import test from 'ava'
import { join } from 'node:path'
import { main } from './program.ts'

const example = join(import.meta.dirname, '../../docs/example.yaml')
const itself = import.meta.filename
const proxied = join(import.meta.dirname, '../../fixtures/5g-session/proxy.yaml')

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['a capture without a configuration', 'x.pcap', /--config/],
  ['a configuration that is not there', `${itself} --config ${itself}x`, /there is no such file/],
  ['a configuration that is none', `${itself} --config ${itself}`, /replay\.test\.ts/],
  ['a capture that is not there', `${itself}x --config ${example}`, /there is no file/],
  ['a directory', `${import.meta.dirname} --config ${example}`, /is a directory/],
  ['a golden text that is not there', `${itself} --config ${example} --golden ${itself}x`, /--update writes it/],
  ['an update of nothing', `${itself} --config ${example} --update`, /--golden: name it/],
  ['frames as data', `${itself} --config ${example} --frames -o json`, /--frames is text/],
  ['a hook that is none', `${itself} --config ${example} --hook netfilter`, /Allowed choices are xdp, tc/],
  ['an MTU that no IPv6 link may have', `${itself} --config ${example} --mtu 1000`, /from 1280 to 65535/],
  ['a seed that is no number', `${itself} --config ${example} --seed x`, /whole number/],
  ['a VIP for an address that is none', `${itself} --config ${example} --vip x=192.0.2.1`, /It is CAPTURED=VIP/],
  ['a VIP of another family', `${itself} --config ${example} --vip 192.0.2.1=2001:db8::1`, /of one family/],
  ['a VIP that no service has', `${itself} --config ${example} --vip 192.0.2.1=192.0.2.250`, /is no VIP of the config/],
  ['a pipe, where a service is of mode proxy', `/dev/null --config ${proxied}`, /n4 is of mode proxy.*read twice/],
  ['an address that is none', `${itself} --config ${example} --address web`, /is no IP address/],
]

for (const [title, line, why] of refused)
  test(`replay: refuses ${title}`, async (t) => {
    const said: string[] = []
    const code = await main(['replay', ...line.split(' ')], {
      env: {},
      out: (text) => t.fail(`printed ${text}`),
      flush: async () => {},
      say: (text) => void said.push(text),
      style: (_stream, _style, text) => text,
    })
    t.is(code, 2)
    t.regex(said.join('\n'), why)
  })
