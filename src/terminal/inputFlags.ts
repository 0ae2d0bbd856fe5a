/** `FILE` or `NAME=FILE` flags as files by input name; '' stands for the model's only input. */
export function inputsFromFlags(flags: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    flags.map(flag => {
      const at = flag.indexOf('=');
      return at < 1 ? ['', flag] : [flag.slice(0, at), flag.slice(at + 1)];
    }),
  );
}
