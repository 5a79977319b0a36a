import { quoted } from '../shell-words.ts';
import type { Words } from './words.ts';

/** Scripts that complete commands and options, and file names everywhere else. They hold every word, and start no process. */
export const COMPLETIONS: Readonly<Record<'bash' | 'zsh' | 'fish', (words: readonly Words[]) => string>> = {
  bash: (words) => `# source <(npx fedcardio completion bash)
_fedcardio() {
  local at="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${at:+$at }$word" in
      ${pathsOf(words).map(quoted).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  local next=""
  case "$at" in
${words.map(({ path, next }) => `    ${quoted(path.join(' '))}) next=${quoted(next.map(({ word }) => word).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _fedcardio fedcardio
`,
  zsh: (words) => `#compdef fedcardio
# source <(npx fedcardio completion zsh), after compinit
_fedcardio() {
  local at="" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in
      (${pathsOf(words).map(quoted).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  local -a next
  case "$at" in
${words.map(({ path, next }) => `    (${quoted(path.join(' '))}) next=(${next.map(({ word, does }) => quoted(`${word}:${plain(does).replaceAll(':', '\\:')}`)).join(' ')}) ;;`).join('\n')}
  esac
  _describe 'fedcardio' next || _files
}
compdef _fedcardio fedcardio
`,
  fish: (words) => `# npx fedcardio completion fish > ~/.config/fish/completions/fedcardio.fish
function __fedcardio_at
  set -l at
  for word in (commandline -opc)[2..-1]
    if contains -- (string join ' ' -- $at $word) ${pathsOf(words).map(fishQuoted).join(' ')}
      set at $at $word
    end
  end
  test "$at" = "$argv"
end
${words
  .flatMap(({ path, next }) =>
    next.map(
      ({ word, does }) =>
        `complete -c fedcardio -n ${fishQuoted(['__fedcardio_at', ...path].join(' '))} ${word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`} -d ${fishQuoted(plain(does))}`,
    ),
  )
  .join('\n')}
`,
};

const pathsOf = (words: readonly Words[]): readonly string[] =>
  words.map(({ path }) => path.join(' ')).filter((path) => path !== '');

/** A description as one line. */
const plain = (text: string): string => text.replace(/\s+/g, ' ');

/** In single quotes fish interprets only backslashes and quotes. */
const fishQuoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
