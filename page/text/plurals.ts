/** A count with its noun: `1 site`, `1,000 sites`. For languages with two forms. */
export function pluralsOf(language: string): (count: number, singular: string, many: string) => string {
  const rules = new Intl.PluralRules(language);
  return (count, singular, many) =>
    `${count.toLocaleString(language)} ${rules.select(count) === 'one' ? singular : many}`;
}
