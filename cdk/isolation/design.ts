/**
 * Access that the design allows, written by hand from docs/architecture.md and docs/objects.md. Nothing here is derived from
 * `lib/federation/access.ts` or from a policy, since a test compares the two.
 *
 * Objects: r read, c create, w create and replace, l list, d delete, v delete versions for good. Queues: s send, r receive,
 * d delete a received message, p purge. Keys, only through S3 and SQS: d decrypt, g generate a data key. `.` is nothing.
 */

/** A site's roles in its own bucket. In another site's bucket they have no access; the coordinator has none in any. */
export const OWN_BUCKET = `
                 intake  rescan  dispatch  job-failed  task  upload  withdraw
  cases          rl      rl      .         .           rl    wld     ldv
  held-out       rl      rl      .         .           rl    wld     ldv
  catalog        rwld    rwldv   .         .           rl    rl      rwldv
  rejected       rwld    rwldv   .         .           l     rl      rwldv
  content        rwl     rwlv    .         .           l     l       rldv
  pseudo-labels  l       lv      .         .           rwl   l       ldv
  predictions    l       lv      .         .           wl    rl      ldv
  checkpoints    l       l       .         .           rwld  l       l
  unfinished     l       l       .         .           rwld  l       ldv
  jobs           l       l       rwl       .           l     l       l
  identity       l       l       rwl       .           rl    l       l
  secure         l       l       rwl       .           rwl   l       l
  rescan         l       rwl     .         .           l     l       rldv
  withdrawn      l       l       .         .           l     l       rwl
  policy         l       l       rl        .           l     rl      rwl
  consents       l       l       rwl       .           rl    rl      rwl
  sent           l       l       .         .           wl    rl      l
  lineage        l       l       .         .           rwl   rl      rl
  ledger         l       l       .         .           rwl   rl      l
  secret         l       l       .         .           rcl   l       l
`;

/** A site's roles in the federation bucket. */
export const FEDERATION_BUCKET_OF_SITES = `
                     intake  rescan  dispatch  job-failed  task  upload  withdraw
  tasks              rl      rl      .         .           .     rl      rl
  own summary        rwl     rwl     .         .           .     rl      rwl
  another's summary  .       .       .         .           .     .       .
  own consent        l       l       w         .           .     l       wl
  another's consent  .       .       .         .           .     .       .
  own notice         l       l       .         .           .     l       wl
  another's notice   .       .       .         .           .     .       .
  campaign           .       .       .         .           .     .       .
  control            .       .       rl        .           .     .       .
  plan               .       .       r         .           r     rl      rl
  init               .       .       .         .           rl    .       .
  outcome            .       .       l         l           l     .       .
  open               .       .       .         .           .     .       .
  sent               .       .       .         .           .     .       .
  lease              .       .       .         .           .     .       .
  merge-job          .       .       .         .           .     .       .
  noise              .       .       .         .           .     .       .
  seal               .       .       l         l           l     .       .
  commit             .       .       .         .           .     .       .
  state              .       .       .         .           .     .       .
  setup              .       .       .         .           .     .       .
  cohort             .       .       r         .           .     .       .
  asked              .       .       .         .           .     .       .
  survivors          .       .       r         .           .     .       .
  endorsed           .       .       r         .           .     .       .
  opened             .       .       .         .           .     .       .
  sum                .       .       .         .           .     .       .
  mean               .       .       .         .           .     .       .
  global             .       .       .         .           r     .       .
  start              .       .       .         .           r     .       .
  merged             .       .       .         .           r     rl      rl
  own weights        .       .       l         l           rcl   .       .
  own update         .       .       l         l           rcl   .       .
  own failure        .       .       rcl       rcl         rcl   .       .
  own refusal        .       .       l         l           rcl   .       .
  own answer         .       .       rcl       l           rcl   .       .
  another's answer   .       .       .         .           .     .       .
  another's weights  .       .       .         .           .     .       .
  another's update   .       .       .         .           .     .       .
  another's failure  .       .       .         .           .     .       .
  another's refusal  .       .       .         .           .     .       .
  forged open        .       .       .         .           .     .       .
  forged seal        .       .       l         l           l     .       .
  forged update      .       .       .         .           .     .       .
`;

/** The coordinator's roles in the federation bucket. For them, every site is another site. */
export const FEDERATION_BUCKET_OF_COORDINATOR = `
                     orchestrate  aggregate  sweep  merge  research
  tasks              rl           rl         rwl    rl     rwl
  another's summary  rl           rl         rl     rl     rl
  another's consent  rl           rl         rl     rl     rl
  another's notice   rl           rl         rl     rl     rl
  campaign           rl           rl         rl     rl     rwl
  control            rl           rl         rl     rl     rwl
  plan               rcl          rl         rcl    rl     rl
  outcome            rcl          rcl        rcl    rcl    rcl
  init               rl           rl         rl     rl     rwl
  open               rcl          rl         rcl    rl     rl
  sent               rwl          rl         rwl    rl     rl
  lease              rl           rwl        rwl    rwl    rl
  merge-job          rl           rwl        rwl    rwl    rl
  noise              rl           rcl        rcl    rcl    rl
  seal               rl           rcl        rcl    rcl    rl
  commit             rl           rcl        rcl    rcl    rl
  state              rl           rwl        rwl    rwl    rl
  setup              rcl          rl         rcl    rl     rl
  cohort             rcl          rl         rcl    rl     rl
  asked              rwl          rl         rwl    rl     rl
  survivors          rl           rcl        rcl    rcl    rl
  endorsed           rcl          rl         rcl    rl     rl
  opened             rcl          rl         rcl    rl     rl
  sum                rl           rwl        rwl    rwl    rl
  mean               rl           rwl        rwl    rwl    rl
  another's answer   rl           rl         rl     rl     rl
  global             rl           rwl        rwl    rwl    rl
  start              rl           rwl        rwl    rwl    rl
  merged             rl           rcl        rcl    rcl    rl
  another's weights  rl           rl         rl     rl     rl
  another's update   rl           rl         rl     rl     rl
  another's failure  rl           rl         rl     rl     rl
  another's refusal  rl           rcl        rcl    rcl    rl
`;

export const QUEUES_OF_SITES = `
                                  intake  rescan  dispatch  job-failed  task  upload  withdraw
  own intake                      rd      .       .         .           .     .       .
  own tasks                       .       .       rd        .           .     .       .
  another's intake                .       .       .         .           .     .       .
  another's tasks                 .       .       .         .           .     .       .
  orchestrate                     .       .       .         .           .     .       .
  aggregate                       .       .       .         .           .     .       .
  own dead letters                .       .       .         .           .     .       .
  the coordinator's dead letters  .       .       .         .           .     .       .
`;

export const QUEUES_OF_COORDINATOR = `
                                  orchestrate  aggregate  sweep  merge  research
  another's intake                .            .          .      .      .
  another's tasks                 s            .          s      .      .
  orchestrate                     rd           .          .      .      .
  aggregate                       .            rd         .      .      .
  the coordinator's dead letters  .            .          .      .      .
`;

/** The only role of an on-premises site. Its bucket and its intake queue are on its own machine. */
export const FEDERATION_BUCKET_OF_MACHINE = `
                     machine
  tasks              rl
  own summary        rwl
  another's summary  .
  own consent        wl
  another's consent  .
  own notice         wl
  another's notice   .
  campaign           .
  control            rl
  plan               rl
  init               rl
  outcome            l
  open               .
  sent               .
  lease              .
  merge-job          .
  noise              .
  seal               l
  commit             .
  state              .
  setup              .
  cohort             r
  asked              .
  survivors          r
  endorsed           r
  opened             .
  sum                .
  mean               .
  global             r
  start              r
  merged             rl
  own weights        rcl
  own update         rcl
  own failure        rcl
  own refusal        rcl
  own answer         rcl
  another's answer   .
  another's weights  .
  another's update   .
  another's failure  .
  another's refusal  .
  forged open        .
  forged seal        l
  forged update      .
`;

export const QUEUES_OF_MACHINE = `
                                  machine
  own tasks                       rd
  another's intake                .
  another's tasks                 .
  orchestrate                     .
  aggregate                       .
  own dead letters                .
  the coordinator's dead letters  .
`;

/** Cells by row and column. */
export type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

export function parseTable(text: string): Table {
  const [head = '', ...rows] = text.split('\n').filter((line) => line.trim() !== '');
  const columns = head.trim().split(/ {2,}/);
  return Object.fromEntries(
    rows.map((row) => {
      const [name = '', ...cells] = row.trim().split(/ {2,}/);
      return [name, Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '?']))];
    }),
  );
}
