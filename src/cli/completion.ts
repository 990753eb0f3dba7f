// Shell completion. The shell asks `sluice __complete WORDS...` for every <Tab>, so that it never lags behind the
// commands; the scripts only carry the words there and back.

import type { Command, Option } from 'commander'

export const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# sluice completion for bash: source <(sluice completion bash)
_sluice() {
  local IFS=$'\\n' found
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}") last
  # bash cuts words at "=", and wants only what stands behind it
  found=$("\${COMP_WORDS[0]}" __complete -- "\${words[@]}" 2>/dev/null)
  last=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=($(compgen -W "$found" -- "\${last#=}"))
}
complete -o default -F _sluice sluice
`,
  zsh: `#compdef sluice
# sluice completion for zsh: source <(sluice completion zsh)
_sluice() {
  local -a found
  found=("\${(@f)$("$words[1]" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found ]]; then compadd -a found; else _files; fi
}
compdef _sluice sluice
`,
  fish: `# sluice completion for fish: sluice completion fish | source
complete -c sluice -a '((commandline -opc)[1] __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
}

export const completionScript = (shell: Shell): string => scripts[shell]

const isHidden = (command: Command): boolean => command.name().startsWith('__')

const optionNamed = (commands: readonly Command[], flag: string): Option | undefined =>
  commands.flatMap((command) => command.options).find((option) => option.long === flag || option.short === flag)

/** What may stand in place of the last word. */
export const complete = (program: Command, words: readonly string[]): readonly string[] => {
  return completeWord(program, joined(words))
}

/** bash makes three words of `--mode=one`; the last of them is what it wants completed. */
const joined = (words: readonly string[]): readonly string[] => {
  const [flag = '', equals, value] = words.slice(-3)
  if (value !== undefined && equals === '=' && flag.startsWith('--')) return [...words.slice(0, -2), value]
  if (words.at(-1) === '=' && words.at(-2)?.startsWith('--') === true) return [...words.slice(0, -1), '']
  return words
}

const completeWord = (program: Command, words: readonly string[]): readonly string[] => {
  const before = words.slice(0, -1)
  const word = words.at(-1) ?? ''
  const path: Command[] = [program]
  let waiting: Option | undefined
  for (const text of before) {
    if (waiting !== undefined) {
      waiting = undefined
    } else if (text.startsWith('-')) {
      const option = text.includes('=') ? undefined : optionNamed(path, text)
      waiting = option?.required === true ? option : undefined
    } else {
      const next = path.at(-1)?.commands.find((command) => command.name() === text || command.aliases().includes(text))
      if (next !== undefined) path.push(next)
    }
  }
  const matching = (candidates: readonly string[]): readonly string[] =>
    candidates.filter((candidate) => candidate.startsWith(word))
  if (waiting !== undefined) return matching(waiting.argChoices ?? [])
  const current = path.at(-1) ?? program
  if (word.startsWith('--') && word.includes('=')) {
    const [flag = ''] = word.split('=')
    return matching((optionNamed(path, flag)?.argChoices ?? []).map((choice) => `${flag}=${choice}`))
  }
  if (word.startsWith('-')) {
    const options = path
      .toReversed()
      .flatMap((command) => command.options)
      .filter((option) => !option.hidden)
    return matching([...new Set([...options.flatMap((option) => option.long ?? []), '--help'])])
  }
  const choices = current.registeredArguments.flatMap((argument) => argument.argChoices ?? [])
  const names = current.commands.filter((command) => !isHidden(command)).map((command) => command.name())
  return matching([...names, ...choices])
}
