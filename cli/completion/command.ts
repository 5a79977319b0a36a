import { Argument, Command } from 'commander';
import { COMPLETIONS } from './scripts.ts';
import { wordsOf } from './words.ts';

/** `fedcardio completion <shell>`: a script that completes commands and options in a shell. */
export const completionCommand = (): Command =>
  new Command('completion')
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(COMPLETIONS)))
    .addHelpText(
      'after',
      `
Completes the command \`fedcardio\`, so that it has to be on your path (npm link, or an alias of "npx fedcardio").

Examples:
  npx fedcardio completion bash > ~/.local/share/bash-completion/completions/fedcardio
  npx fedcardio completion zsh > ~/.zfunc/_fedcardio
  npx fedcardio completion fish > ~/.config/fish/completions/fedcardio.fish`,
    )
    .action((shell: keyof typeof COMPLETIONS, _: unknown, command: Command) => {
      process.stdout.write(COMPLETIONS[shell](wordsOf(command.parent as Command)));
    });
