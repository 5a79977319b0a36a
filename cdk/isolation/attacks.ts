/**
 * Requests that must fail, and ordinary requests that must succeed, as `who | action | what | why`. Written by hand from
 * the design; `attacks.test.ts` evaluates them against the synthesized policies.
 *
 * Who: a role (`bonn task`, `sweep`), with `*` one that was granted everything by mistake; `admin*`, another role of the
 * coordinator's account; `graz-admin*`, one of the account of Graz; `nobody`, without credentials. `as ulm`: in a session
 * with another site's tag. `inside`: from the network of GPU tasks. `insecure`: without TLS; `old`: TLS 1.1.
 *
 * What: `s3://bucket/key`, `s3://bucket?prefix` for listings, `logs` with a stack (`/x`: an object there), `queue`, `key` or
 * `role` with a name, or any ARN.
 */

const AT = 'tavi-1/teacher/calcium/0001';
const SHA = '5feceb66';
const FED = 's3://heart-federation';

/** Rows without their comments. */
const rowsOf = (text: string) =>
  text
    .replaceAll('AT/', `${AT}/`)
    .replaceAll('SHA', SHA)
    .replaceAll('FED', FED)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** By names: of stages, campaigns and sites that are words of the layout. */
const NAMES = rowsOf(`
  bonn task | s3:PutObject+once | FED/updates/ulm/AT/SHA.safetensors | another site's weights
  bonn task | s3:PutObject+once | FED/updates/ulm/AT/failed.update.json | answering for another site
  bonn task | s3:PutObject+once | FED/updates/ulm/AT/SHA.refusal.json | refusing another site's update
  bonn task | s3:GetObject | FED/updates/ulm/AT/SHA.safetensors | another site's weights
  bonn task | s3:GetObject | FED/updates/ulm/AT/SHA.update.json | another site's scores
  bonn task | s3:PutObject+once | FED/updates/bonn-2/AT/SHA.safetensors | a site whose id begins with this one's
  bonn task | s3:GetObject | FED/updates/init/AT/SHA.safetensors | a site that is called init
  bonn task | s3:GetObject | FED/updates/models/AT/SHA.safetensors | a site that is called models
  bonn task | s3:GetObject | FED/updates/ulm/updates/bonn/0001/SHA.safetensors | a stage that is called like this site's folder
  bonn task | s3:PutObject+once | FED/campaigns/tavi-1/updates/bonn/0001/open.json | a stage updates/bonn: its terms
  bonn task | s3:PutObject+once | FED/campaigns/updates/bonn/0001/seal.json | a campaign updates, a stage bonn: its seal
  bonn task | s3:PutObject+once | FED/campaigns/tavi-1/updates/bonn/0001/commit.json | the same: its commit
  bonn task | s3:PutObject+once | FED/campaigns/tavi-1/updates/bonn/0001/failed.update.json | the layout before
  bonn task | s3:GetObject | FED/campaigns/tavi-1/updates/bonn/0001/open.json | a stage updates/bonn: the participants
  bonn task | s3:GetObject | FED/campaigns/tavi-1/init/0001/open.json | a stage init: the participants
  bonn task | s3:GetObject | FED/campaigns/tavi-1/x/init/0001/state-SHA.safetensors | a stage x/init: the moments
  bonn task | s3:GetObject | FED/campaigns/init/models/0001/open.json | a campaign init, a stage models
  bonn task | s3:GetObject | FED/campaigns/tavi-1/global-x/0001/state-SHA.safetensors | a stage global-x
  bonn task | s3:GetObject | FED/campaigns/tavi-1/commit/0001/open.json | a stage commit
  bonn task | s3:GetObject | FED/sites/ulm/summary.json | another site's counts
  bonn intake | s3:PutObject | FED/sites/ulm/summary.json | counting for another site
  bonn intake | s3:PutObject | FED/sites/bonn-2/summary.json | a site whose id begins with this one's
  bonn intake | s3:GetObject | FED/sites/init/summary.json | a site that is called init
  bonn task | s3:ListBucket | FED?updates/ulm/ | which rounds another site answers
  bonn task | s3:ListBucket | FED?updates/ | which sites there are
  bonn task | s3:ListBucket | FED?updates/bonn | sites whose ids begin with this one's
  bonn task | s3:ListBucket | FED?sites/ | which sites there are
  bonn task | s3:ListBucket | FED?campaigns/AT/ | what a round holds
  bonn task | s3:ListBucket | FED | everything
  kiel machine | s3:PutObject+once | FED/updates/jena/AT/SHA.safetensors | another on-premises site
  kiel machine | s3:GetObject | FED/updates/bonn/AT/SHA.safetensors | another site's weights
  kiel machine | s3:ListBucket | FED?updates/jena/ | another on-premises site
  graz task | s3:PutObject+once | FED/updates/bonn/AT/SHA.safetensors | from another account
  graz task | s3:GetObject | FED/updates/bonn/AT/SHA.safetensors | from another account
  graz task | s3:ListBucket | FED?updates/bonn/ | from another account
`);

/** What rounds say of other sites, and what is never changed. */
const ROUNDS = rowsOf(`
  bonn task | s3:GetObject | FED/campaigns/AT/seal.json | names and case counts of the others
  bonn dispatch | s3:GetObject | FED/campaigns/AT/seal.json | the same
  bonn job-failed | s3:GetObject | FED/campaigns/AT/seal.json | the same
  kiel machine | s3:GetObject | FED/campaigns/AT/seal.json | the same
  graz task | s3:GetObject | FED/campaigns/AT/seal.json | the same
  bonn task | s3:GetObject | FED/campaigns/AT/commit.json | names and norms of the others
  bonn task | s3:GetObject | FED/campaigns/tavi-1/outcome.json | reasons that name the others
  bonn task | s3:GetObject | FED/campaigns/AT/open.json | names and case counts of the others
  bonn task | s3:GetObject | FED/campaigns/tavi-1/campaign.json | what only the coordinator reads
  bonn task | s3:PutObject+archived | FED/updates/bonn/AT/SHA.update.json | an update that can be listed, not read
  bonn task | s3:PutObject+encrypted | FED/updates/bonn/AT/SHA.safetensors | weights with a key of its own
  bonn task | s3:PutObject+sealed | FED/updates/bonn/AT/SHA.safetensors | weights with a key that it keeps
  bonn intake | s3:PutObject+archived | FED/sites/bonn/summary.json | counts that stop every campaign
  kiel machine | s3:PutObject+sealed | FED/sites/kiel/summary.json | counts that stop every campaign
  bonn upload | s3:PutObject+archived | s3://heart-site-bonn/cases/p1/image.nii.gz | a case that intake cannot read
  bonn upload | s3:PutObject+encrypted | s3://heart-site-bonn/cases/p1/image.nii.gz | past the bucket's key
  bonn upload | s3:PutObject+sealed | s3://heart-site-bonn/cases/p1/image.nii.gz | with a key that it keeps
  bonn task | s3:PutObject | FED/updates/bonn/AT/SHA.update.json | replacing a sealed update
  bonn task | s3:PutObject | FED/updates/bonn/AT/SHA.safetensors | replacing sealed weights
  bonn dispatch | s3:PutObject | FED/updates/bonn/AT/failed.update.json | replacing a recorded failure
  aggregate | s3:PutObject | FED/updates/bonn/AT/SHA.refusal.json | replacing a refusal
  sweep | s3:PutObject+once | FED/updates/bonn/AT/SHA.update.json | answering for a site
  sweep | s3:PutObject | FED/campaigns/AT/seal.json | replacing a seal
  sweep | s3:PutObject | FED/campaigns/AT/commit.json | replacing a commit
  sweep | s3:PutObject | FED/models/AT/merged.json | naming another model
  sweep | s3:PutObject | FED/campaigns/tavi-1/plan.json | replacing a plan
  research | s3:PutObject | FED/campaigns/tavi-1/outcome.json | replacing an outcome
  research | s3:PutObject+once | FED/campaigns/AT/seal.json | sealing a round by hand
  research | s3:PutObject | FED/models/AT/SHA.safetensors | replacing a merged model
  orchestrate | s3:PutObject+once | FED/campaigns/AT/commit.json | committing without merging
  sweep* | s3:PutObject | FED/campaigns/AT/seal.json | replacing a seal
  sweep* | s3:PutObject+once | FED/updates/bonn/AT/SHA.update.json | answering for a site
  sweep* | s3:PutObject | FED/sites/bonn/summary.json | counting for a site
  orchestrate* | s3:PutObject+once | FED/campaigns/AT/seal.json | sealing without merging
  bonn task* | s3:GetObject | FED/campaigns/AT/opened.json | the secrets of a round
  bonn task* | s3:GetObject | FED/campaigns/AT/sum-SHA.safetensors | the sum of a round
  bonn dispatch* | s3:PutObject+once | FED/campaigns/AT/survivors.json | deciding whose updates count
  research* | s3:PutObject+once | FED/campaigns/AT/survivors.json | deciding whose updates count
  research* | s3:PutObject | FED/campaigns/AT/asked.json | that sites were asked
  aggregate* | s3:PutObject+once | FED/campaigns/AT/opened.json | secrets that nobody has opened
  bonn dispatch | s3:PutObject+once | FED/updates/ulm/AT/reveal.step.json | answering for another site
  bonn dispatch | s3:GetObject | FED/updates/ulm/AT/reveal.step.json | the shares that another site opens
  research* | s3:PutObject+once | FED/campaigns/AT/open.json | opening a round by hand
  merge* | s3:PutObject | FED/campaigns/tavi-1/campaign.json | changing what a researcher asked for
  sweep* | s3:DeleteObject | FED/updates/bonn/AT/SHA.safetensors | deleting weights
  sweep* | s3:DeleteObjectVersion | FED/campaigns/AT/seal.json | deleting a seal for good
  aggregate* | s3:DeleteObject | FED/models/AT/SHA.safetensors | deleting a model
  aggregate* | s3:PutObject | FED/tasks.json | declaring tasks
  sweep* | s3:GetObject | FED/doctor/x | a key of no kind
  sweep old | s3:GetObject | FED/campaigns/AT/seal.json | TLS 1.1
`);

/** Roles that were granted everything, in the coordinator's account and in a site's. */
const MISTAKES = rowsOf(`
  bonn task* | s3:PutObject+once | FED/updates/ulm/AT/SHA.safetensors | another site's weights
  bonn task* | s3:PutObject+once | FED/updates/ulm/AT/SHA.refusal.json | refusing another site's update
  bonn task* | s3:GetObject | FED/updates/ulm/AT/SHA.safetensors | another site's weights
  bonn task* | s3:PutObject | FED/updates/bonn/AT/SHA.update.json | replacing its sealed update
  bonn task* | s3:DeleteObject | FED/updates/bonn/AT/SHA.update.json | deleting its sealed update
  bonn task* | s3:DeleteObjectVersion | FED/updates/bonn/AT/SHA.safetensors | the same for good
  bonn task* | s3:PutObject | FED/sites/ulm/summary.json | counting for another site
  bonn task* | s3:PutObject | FED/init/tavi-1/SHA.safetensors | other first weights
  bonn task* | s3:PutObject | FED/models/AT/SHA.safetensors | another global model
  bonn task* | s3:PutObject+once | FED/models/AT/merged.json | naming another model
  bonn task* | s3:PutObject | FED/campaigns/tavi-1/campaign.json | starting a campaign
  bonn task* | s3:PutObject | FED/campaigns/tavi-1/control.json | pausing a campaign
  bonn task* | s3:PutObject+once | FED/campaigns/tavi-1/outcome.json | ending a campaign
  bonn task* | s3:PutObject | FED/tasks.json | declaring tasks
  bonn task* | s3:PutObject+once | FED/campaigns/AT/seal.json | forging a seal
  bonn task* | s3:PutObject | FED/campaigns/AT/state-SHA.safetensors | forging moments
  bonn task* | s3:PutObject | FED/anything | a key of no kind
  bonn task* | s3:GetObject | FED/campaigns/AT/seal.json | names and case counts of the others
  bonn task* | s3:GetObjectVersion | FED/updates/ulm/AT/SHA.safetensors | an old version
  bonn task* | s3:ListBucket | FED | everything
  bonn task* | s3:ListBucketVersions | FED?updates/ | all versions
  bonn task* as ulm | s3:PutObject+once | FED/updates/ulm/AT/SHA.safetensors | with another site's tag in its session
  bonn task* as ulm | s3:GetObject | FED/updates/ulm/AT/SHA.safetensors | the same
  kiel machine* | s3:PutObject+once | FED/updates/bonn/AT/SHA.safetensors | another site's weights
  kiel machine* as bonn | s3:PutObject+once | FED/updates/bonn/AT/SHA.safetensors | with another site's tag in its session
  admin* | s3:PutObject+once | FED/updates/ulm/AT/SHA.safetensors | no role of the federation
  admin* as ulm | s3:PutObject+once | FED/updates/ulm/AT/SHA.safetensors | a tag without the role's name
  admin* | s3:PutObject | FED/sites/ulm/summary.json | no role of the federation
  admin* | s3:PutObject | FED/campaigns/tavi-1/campaign.json | no role of the federation
  admin* | s3:PutObject | FED/tasks.json | no role of the federation
  admin* | s3:PutObject | FED/models/AT/SHA.safetensors | no role of the federation
  admin* | s3:PutObject+once | FED/updates/-/AT/SHA.safetensors | the folder of roles without a tag
  admin* | s3:DeleteObject | FED/updates/ulm/AT/SHA.safetensors | deleting weights
  admin* | s3:DeleteObjectVersion | FED/init/tavi-1/SHA.safetensors | deleting for good
  admin* | s3:GetObject | FED/updates/ulm/AT/SHA.safetensors | a site's weights
  admin* | s3:ListBucket | FED?updates/ | which sites there are
  admin* | s3:PutObjectTagging | FED/updates/ulm/AT/SHA.safetensors | tags, by which others may be granted access
  admin* | s3:PutObjectAcl | FED/updates/ulm/AT/SHA.safetensors | an access list
  admin* | s3:PutObjectRetention | FED/campaigns/AT/seal.json | another retention
  admin* | s3:BypassGovernanceRetention | FED/campaigns/AT/seal.json | deleting what is retained
  admin* | s3:PutObjectLegalHold | FED/campaigns/AT/seal.json | lifting a hold
  admin* | s3:ReplicateObject | FED/updates/ulm/AT/SHA.safetensors | writing as replication does
  admin* | s3:ReplicateDelete | FED/updates/ulm/AT/SHA.safetensors | deleting as replication does
  admin* | s3:RestoreObject | FED/campaigns/AT/seal.json | restoring from an archive
  sweep* | s3:PutObjectTagging | FED/campaigns/AT/seal.json | tags
  sweep* | s3:BypassGovernanceRetention | FED/campaigns/AT/seal.json | deleting what is retained
  bonn task* | s3:PutBucketPolicy | FED | removing the guards
  bonn task* | s3:DeleteBucketPolicy | FED | removing the guards
  bonn task* | s3:PutLifecycleConfiguration | FED | expiring everything
  bonn task* | s3:PutBucketVersioning | FED | no versions
  sweep* | s3:PutBucketNotification | FED | no events
  kiel machine* | s3:PutBucketVersioning | FED | no versions
  sweep* | s3:PutReplicationConfiguration | s3://heart-site-bonn | copying a site's bucket elsewhere
  sweep* | s3:PutBucketPolicy | s3://heart-site-bonn | removing the guards
  ulm task* | s3:PutBucketPolicy | s3://heart-site-bonn | removing the guards
  bonn upload* | s3:PutLifecycleConfiguration | s3://heart-site-bonn | expiring everything
  graz-admin* | s3:GetObject | FED/models/AT/SHA.safetensors | no role of the federation
  graz-admin* | s3:PutObject+once | FED/updates/graz/AT/SHA.safetensors | no role of the federation
  graz-admin* as bonn | s3:PutObject+once | FED/updates/bonn/AT/SHA.safetensors | a tag of its own choice
  graz-forged* as bonn | s3:PutObject+once | FED/updates/bonn/AT/SHA.safetensors | a role named and tagged like Bonn's, in the account of Graz
  graz-forged* as bonn | s3:GetObject | FED/updates/bonn/AT/SHA.safetensors | the same
  graz task* | s3:PutObject+once | FED/updates/bonn/AT/SHA.safetensors | account-wide everything
  graz task* as bonn | s3:PutObject+once | FED/updates/bonn/AT/SHA.safetensors | with another site's tag in its session
  graz task* | s3:GetObject | FED/campaigns/AT/seal.json | account-wide everything
  graz task* | s3:ListBucket | FED | account-wide everything
  graz task* | s3:DeleteObject | FED/updates/graz/AT/SHA.update.json | account-wide everything
  graz task* | s3:PutObject | FED/models/AT/SHA.safetensors | account-wide everything
  graz task* | s3:PutBucketPolicy | FED | account-wide everything
  nobody | s3:GetObject | FED/models/AT/SHA.safetensors | no credentials
  nobody | s3:PutObject | FED/updates/bonn/AT/SHA.safetensors | no credentials
`);

/** A site's bucket. */
const CASES = rowsOf(`
  bonn upload | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | reading CTs back
  bonn upload | s3:DeleteObjectVersion | s3://heart-site-bonn/cases/p1/image.nii.gz | destroying a case
  bonn upload | s3:PutObject | s3://heart-site-bonn/catalog/p1.json | cataloging without intake
  bonn upload | s3:PutObject | s3://heart-site-bonn/consents/tavi-1.json | agreeing for the hospital
  bonn task | s3:PutObject | s3://heart-site-bonn/consents/tavi-1.json | agreeing for the hospital
  bonn dispatch | s3:PutObject | s3://heart-site-bonn/policy.json | agreeing to everything
  bonn dispatch | s3:PutObject | FED/sites/ulm/consents/tavi-1.consent.json | answering for another site
  bonn withdraw | s3:PutObject | FED/sites/ulm/consents/tavi-1.consent.json | answering for another site
  sweep | s3:PutObject | FED/sites/bonn/consents/tavi-1.consent.json | the coordinator answers for a site
  sweep | s3:PutObject | s3://heart-site-bonn/consents/tavi-1.json | the coordinator agrees for a site
  bonn withdraw | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | reading a CT
  bonn intake | s3:PutObject | s3://heart-site-bonn/cases/p1/image.nii.gz | changing a CT
  bonn intake | s3:DeleteObject | s3://heart-site-bonn/cases/p1/image.nii.gz | deleting a CT
  bonn dispatch | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | reading a CT
  bonn dispatch | s3:ListBucket | s3://heart-site-bonn?cases/ | the names of cases
  bonn job-failed | s3:ListBucket | s3://heart-site-bonn?cases/ | the names of cases
  bonn task | s3:PutObject | s3://heart-site-bonn/cases/p1/image.nii.gz | changing a CT
  bonn task | s3:DeleteObject | s3://heart-site-bonn/pseudo-labels/x/y/calcium/p1.nii.gz | deleting labels
  ulm task | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | another site's CT
  ulm intake | s3:ListBucket | s3://heart-site-bonn?cases/ | another site's cases
  ulm upload | s3:PutObject | s3://heart-site-bonn/cases/p1/image.nii.gz | another site's bucket
  sweep | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | the coordinator
  kiel machine | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | another site's CT
  bonn upload* | s3:DeleteObjectVersion | s3://heart-site-bonn/cases/p1/image.nii.gz | destroying a case
  bonn upload* | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | reading CTs back
  bonn task* | s3:PutObject | s3://heart-site-bonn/cases/p1/image.nii.gz | changing a CT
  bonn task* | s3:DeleteObjectVersion | s3://heart-site-bonn/cases/p1/image.nii.gz | destroying a case
  bonn dispatch* | s3:ListBucket | s3://heart-site-bonn?cases/ | the names of cases
  bonn job-failed* | s3:GetObject | s3://heart-site-bonn/catalog/p1.json | a case
  ulm task* | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | another site's CT
  ulm task* | s3:PutObject | s3://heart-site-bonn/catalog/p1.json | another site's catalog
  ulm task* | s3:ListBucket | s3://heart-site-bonn?cases/ | another site's cases
  ulm task* as bonn | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | with another site's tag in its session
  sweep* | s3:ListBucket | s3://heart-site-bonn?cases/ | the names of cases
  sweep* | s3:PutObject | s3://heart-site-bonn/cases/p9/image.nii.gz | a case that no hospital uploaded
  sweep* | s3:DeleteObject | s3://heart-site-bonn/catalog/p1.json | removing a case
  admin* | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | no role of the site
  admin* | s3:GetObjectVersion | s3://heart-site-bonn/cases/p1/image.nii.gz | an old version
  admin* | s3:GetObjectAttributes | s3://heart-site-bonn/cases/p1/image.nii.gz | size and checksum of a CT
  admin* | s3:ListBucket | s3://heart-site-bonn?cases/ | the names of cases
  admin* | s3:ListBucketVersions | s3://heart-site-bonn?cases/ | the names of withdrawn cases
  admin* | s3:PutObject | s3://heart-site-bonn/catalog/p1.json | cataloging without intake
  admin* | s3:DeleteObject | s3://heart-site-bonn/catalog/p1.json | removing a case
  admin* | s3:DeleteObjectVersion | s3://heart-site-bonn/cases/p1/image.nii.gz | destroying a case
  admin* | s3:PutObjectTagging | s3://heart-site-bonn/cases/p1/image.nii.gz | tags
  admin* | s3:PutObjectAcl | s3://heart-site-bonn/cases/p1/image.nii.gz | an access list
  graz-admin* | s3:GetObject | s3://heart-site-graz/cases/p1/image.nii.gz | no role of the site, in its own account
  graz task* | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | another site's CT, from another account
  admin* | s3:GetObject | s3://heart-site-graz/cases/p1/image.nii.gz | the coordinator's account
  nobody | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | no credentials
  bonn task* | s3:GetObject | s3://heart-site-bonn/rejected/p1.json | faults of a case
  bonn task* | s3:GetObject | s3://heart-site-bonn/content/SHA.json | which case has which image
  bonn intake* | s3:GetObject | s3://heart-site-bonn/rescan/examined.json | what rescan keeps
  bonn task* | s3:GetObject | s3://heart-site-bonn/jobs/tavi-1/student/0001.json | which jobs run
  bonn upload* | s3:GetObject | s3://heart-site-bonn/secure/tavi-1/secret.json | what the masks follow from
  bonn upload* | s3:GetObject | s3://heart-site-bonn/identity/signing-key.json | what the site signs with
  bonn task* | s3:PutObject | s3://heart-site-bonn/identity/signing-key.json | another identity
  bonn intake* | s3:PutObject | s3://heart-site-bonn/secure/tavi-1/secret.json | another secret
  ulm dispatch* | s3:GetObject | s3://heart-site-bonn/secure/tavi-1/secret.json | another site's secret
  bonn intake* | s3:PutObject | s3://heart-site-bonn/jobs/tavi-1/student/0001.json | claiming a job
  bonn intake* | s3:GetObject | s3://heart-site-bonn/checkpoints/tavi-1/student/0001/local.safetensors | parameters of a GPU task
  bonn intake* | s3:GetObject | s3://heart-site-bonn/predictions/x/y/p2/calcium.nii.gz | a prediction
  bonn upload* | s3:GetObject | s3://heart-site-bonn/withdrawn/SHA.json | what only the withdraw role reads
  bonn intake* | s3:GetObject | s3://heart-site-bonn/lineage/tavi-1/student/0001.json | which cases went into an update
  bonn intake* | s3:GetObject | s3://heart-site-bonn/consents/tavi-1.json | what the site has answered
  bonn task* | s3:GetObject | s3://heart-site-bonn/policy.json | how the site decides
  bonn task* | s3:PutObject | s3://heart-site-bonn/consents/tavi-1.json | agreeing for the hospital
  bonn dispatch* | s3:PutObject | s3://heart-site-bonn/policy.json | agreeing to everything
  admin* | s3:PutObject | s3://heart-site-bonn/consents/tavi-1.json | agreeing for the hospital
  sweep* | s3:PutObject | FED/sites/bonn/consents/tavi-1.consent.json | the coordinator answers for a site
  bonn task* | s3:PutObject | s3://heart-site-bonn/content/SHA.json | hiding a doubled image
  bonn upload* | s3:PutObject | s3://heart-site-bonn/sent/tavi-1/student/0001.json | changing what was sent
  bonn withdraw* | s3:PutObject | s3://heart-site-bonn/lineage/tavi-1/student/0001.json | changing which cases were used
  bonn withdraw* | s3:DeleteObjectVersion | s3://heart-site-bonn/lineage/tavi-1/student/0001.json | hiding which cases were used
  bonn withdraw* | s3:PutObject | s3://heart-site-bonn/rescan/examined.json | what rescan keeps
  bonn upload* | s3:DeleteObject | s3://heart-site-bonn/checkpoints/tavi-1/student/0001/local.safetensors | a site's own parameters
  bonn withdraw* | s3:PutObject | FED/sites/ulm/withdrawals/SHA.json | a withdrawal of another site
  bonn upload* | s3:PutObject | s3://heart-site-bonn/withdrawn/SHA.json | a withdrawal that was none
  bonn upload* | s3:PutObject | s3://heart-site-bonn/anything | a key of no kind
  bonn upload* | s3:DeleteObject | s3://heart-site-bonn/unfinished/tavi-1/student/0001.safetensors | a checkpoint
  bonn intake* | s3:DeleteObject | s3://heart-site-bonn/cases/p1/image.nii.gz | a case
  bonn task* | s3:DeleteObject | s3://heart-site-bonn/predictions/x/y/p2/calcium.nii.gz | a prediction
  bonn task* | s3:DeleteObject | s3://heart-site-bonn/sent/tavi-1/student/0001.json | hiding what was sent
  bonn task* | s3:PutObject | s3://heart-site-bonn/privacy/secret.json | drawing other noise for the same update
  bonn intake* | s3:GetObject | s3://heart-site-bonn/privacy/ledger.json | what was spent of the budget
  bonn task* | s3:DeleteObject | s3://heart-site-bonn/privacy/ledger.json | forgetting what was spent of the budget
  bonn upload* | s3:GetObject | s3://heart-site-bonn/privacy/secret.json | subtracting the noise
  bonn upload* | s3:PutObject | s3://heart-site-bonn/privacy/ledger.json | a budget that is not spent
  bonn task* | s3:DeleteObjectVersion | s3://heart-site-bonn/predictions/x/y/p2/calcium.nii.gz | a prediction, for good
  bonn withdraw* | s3:DeleteObjectVersion | s3://heart-site-bonn/sent/tavi-1/student/0001.json | hiding what was sent
  bonn upload old | s3:PutObject | s3://heart-site-bonn/cases/p1/image.nii.gz | TLS 1.1
  bonn upload insecure | s3:PutObject | s3://heart-site-bonn/cases/p1/image.nii.gz | plain HTTP
  sweep* insecure | s3:GetObject | FED/campaigns/AT/seal.json | plain HTTP
`);

/** Queues, roles, jobs and functions. */
const SERVICES = rowsOf(`
  bonn dispatch | sqs:ReceiveMessage | queue heart-ulm-tasks | another site's GPU tasks
  bonn intake | sqs:ReceiveMessage | queue heart-bonn-tasks | tasks without dispatch
  bonn task | sqs:SendMessage | queue heart-aggregate | an event that S3 did not send
  bonn intake | sqs:SendMessage | queue heart-bonn-intake | an event that S3 did not send
  bonn dispatch | sqs:PurgeQueue | queue heart-bonn-tasks | losing tasks
  bonn intake | sqs:SetQueueAttributes | queue heart-bonn-intake | another policy
  bonn intake | sqs:AddPermission | queue heart-bonn-intake | another policy
  kiel machine | sqs:ReceiveMessage | queue heart-jena-tasks | another site's GPU tasks
  kiel machine | sqs:PurgeQueue | queue heart-kiel-tasks | losing tasks
  sweep | sqs:ReceiveMessage | queue heart-bonn-tasks | taking a task back
  sweep | sqs:PurgeQueue | queue heart-bonn-tasks | losing tasks
  research | sqs:SendMessage | queue heart-bonn-tasks | a task without a round
  bonn task* | sqs:ReceiveMessage | queue heart-ulm-tasks | another site's GPU tasks
  bonn task* | sqs:SendMessage | queue heart-ulm-intake | another site's intake
  bonn task* | sqs:PurgeQueue | queue heart-aggregate | losing updates
  bonn task* | sqs:SetQueueAttributes | queue heart-orchestrate | another policy
  bonn task* | sqs:ReceiveMessage | queue heart-aggregate-dlq | the coordinator's dead letters
  bonn task* | sqs:ReceiveMessage | queue heart-ulm-tasks-dlq | another site's dead letters
  kiel machine* | sqs:ReceiveMessage | queue heart-jena-tasks | another site's GPU tasks
  ulm task* | sqs:ReceiveMessage | queue heart-bonn-tasks | another site's GPU tasks
  ulm task* as bonn | sqs:ReceiveMessage | queue heart-bonn-tasks | another site's tag in a session
  ulm dispatch* as bonn | sqs:ReceiveMessage | queue heart-bonn-intake | another site's tag in a session
  kiel machine* as bonn | sqs:ReceiveMessage | queue heart-bonn-tasks-dlq | another site's tag in a session
  bonn upload* | sqs:ReceiveMessage | queue heart-bonn-tasks | a role of the site that is not its consumer
  bonn dispatch* | sqs:PurgeQueue | queue heart-bonn-tasks | more than a consumer's use
  bonn dispatch* | sqs:SendMessage | queue heart-bonn-tasks | more than a consumer's use
  bonn dispatch* | sqs:ReceiveMessage | queue heart-bonn-tasks-dlq | dead letters
  aggregate* | sqs:SetQueueAttributes | queue heart-aggregate | more than a consumer's use
  orchestrate* | sqs:ReceiveMessage | queue heart-aggregate | another function's messages
  sweep* | sqs:ReceiveMessage | queue heart-bonn-tasks | more than a sender's use
  sweep* | sqs:ReceiveMessage | queue heart-bonn-intake | keys that name cases
  research* | sqs:SendMessage | queue heart-bonn-tasks | a task without a round
  research* | sqs:ReceiveMessage | queue heart-bonn-tasks-dlq | dead letters
  bonn upload* | s3:GetObject | logs heart-site-bonn-data/x | what the access log shows
  ulm task* | s3:GetObject | logs heart-site-bonn-data/x | names of another site's cases
  kiel machine* | s3:DeleteObject | logs heart-site-bonn-data/x | the proof of what it did
  sweep* | s3:GetObject | logs heart-site-bonn-data/x | names of cases
  sweep* | s3:PutBucketPolicy | logs heart-site-bonn-data | another policy
  bonn dispatch insecure | sqs:ReceiveMessage | queue heart-bonn-tasks | plain HTTP
  aggregate insecure | sqs:ReceiveMessage | queue heart-aggregate | plain HTTP
  admin* insecure | sqs:ReceiveMessage | queue heart-bonn-tasks-dlq | plain HTTP
  admin* insecure | s3:GetObject | logs heart-site-bonn-data/x | plain HTTP
  admin* old | s3:GetObject | logs heart-site-bonn-data/x | TLS 1.1
  graz-admin* | sqs:SendMessage | queue heart-aggregate | from another account
  graz task* | sqs:ReceiveMessage | queue heart-bonn-tasks | from another account
  admin* | sqs:ReceiveMessage | queue heart-graz-tasks | the coordinator's account
  nobody | sqs:SendMessage | queue heart-aggregate | no credentials
  bonn task | kms:Decrypt | key alias/heart-site-bonn | a key without the service that uses it
  bonn task | kms:CreateGrant | key alias/heart-site-bonn | giving the use of a key away
  bonn task | kms:PutKeyPolicy | key alias/heart-site-bonn | another policy
  sweep | kms:ScheduleKeyDeletion | key alias/heart-federation | losing everything
  bonn task | sts:AssumeRole | role heart-ulm-task | credentials of another site's GPU task
  bonn task* | sts:AssumeRole | role heart-ulm-task | the same
  sweep* | sts:AssumeRole | role heart-bonn-intake | a site's function
  bonn task* | sts:AssumeRole | role heart-bonn-task | itself, with other tags
  bonn upload* | sts:AssumeRole | role heart-bonn-withdraw | the role that destroys
  admin* | sts:AssumeRole | role heart-bonn-task | a role of a service
  graz-admin* | sts:AssumeRole | role heart-research | from another account
  graz task* | sts:AssumeRole | role heart-kiel-machine | a machine's role without its certificate
  nobody | sts:AssumeRole | role heart-research | no credentials
  bonn dispatch | batch:SubmitJob | arn:aws:batch:eu-central-1:111122223333:job-queue/heart-ulm | a job with another site's role
  bonn dispatch | batch:SubmitJob | arn:aws:batch:eu-central-1:111122223333:job-queue/heart-merge | a job with the coordinator's role
  bonn dispatch | batch:RegisterJobDefinition | arn:aws:batch:eu-central-1:111122223333:job-definition/heart-bonn | another image
  bonn dispatch | batch:TerminateJob | arn:aws:batch:eu-central-1:111122223333:job/1 | stopping another site's job
  sweep | batch:SubmitJob | arn:aws:batch:eu-central-1:111122223333:job-queue/heart-bonn | a job with a site's role
  bonn task | ecs:RunTask | arn:aws:ecs:eu-central-1:111122223333:task-definition/heart-ulm:1 | a task with another site's role
  bonn task | iam:PassRole | arn:aws:iam::111122223333:role/heart-ulm-task | another site's role
  sweep | iam:TagRole | arn:aws:iam::111122223333:role/heart-bonn-task | another tag
  bonn intake | iam:PutRolePolicy | arn:aws:iam::111122223333:role/heart-bonn-intake | more rights
  bonn task | lambda:InvokeFunction | arn:aws:lambda:eu-central-1:111122223333:function:heart-sweep | the coordinator's functions
  bonn task | lambda:UpdateFunctionCode | arn:aws:lambda:eu-central-1:111122223333:function:heart-ulm-intake | another site's function
  sweep | lambda:UpdateFunctionCode | arn:aws:lambda:eu-central-1:111122223333:function:heart-bonn-intake | a site's function
  bonn task | ec2:RunInstances | arn:aws:ec2:eu-central-1:111122223333:instance/i-1 | a host of its own
  bonn task | ecr:PutImage | arn:aws:ecr:eu-central-1:111122223333:repository/heart/tasks | another image
`);

/** From the network of GPU tasks. */
const NETWORK = rowsOf(`
  admin* inside | s3:PutObject | s3://heart-site-thief/cases/p1/image.nii.gz | a bucket of another owner
  admin* inside | s3:GetObject | s3://heart-site-thief/tool | a bucket of another owner
  admin* inside | s3:ListBucket | s3://heart-site-thief?cases/ | a bucket of another owner
  bonn task* inside | s3:PutObject | s3://heart-site-thief/cases/p1/image.nii.gz | a bucket of another owner
  graz task* inside | s3:PutObject | s3://heart-site-thief/cases/p1/image.nii.gz | a bucket of another owner
  bonn intake* inside | s3:PutObject | s3://heart-site-thief/cases/p1/image.nii.gz | a bucket of another owner
  bonn task* inside | s3:PutObjectAcl | s3://heart-site-thief/cases/p1/image.nii.gz | a bucket of another owner
  nobody inside | s3:PutObject | s3://heart-site-thief/cases/p1/image.nii.gz | a bucket that is open to all
`);

/** Requests that must succeed: policies that deny everything would keep the attacks out too. */
export const ORDINARY = rowsOf(`
  bonn upload | s3:PutObject | s3://heart-site-bonn/cases/p1/image.nii.gz | a CT
  bonn upload | s3:DeleteObject | s3://heart-site-bonn/cases/p1/image.nii.gz | a mistake
  bonn upload | s3:GetObject | s3://heart-site-bonn/predictions/x/y/p2/calcium.nii.gz | a prediction
  bonn intake inside | s3:GetObject | s3://heart-site-bonn/cases/p1/image.nii.gz | intake
  bonn intake inside | s3:PutObject | s3://heart-site-bonn/catalog/p1.json | intake
  bonn intake inside | s3:PutObject | FED/sites/bonn/summary.json | counting
  bonn intake inside | s3:ListBucket | s3://heart-site-bonn?cases/ | intake
  bonn rescan inside | s3:ListBucketVersions | s3://heart-site-bonn?pseudo-labels/ | after a withdrawal
  bonn withdraw | s3:DeleteObjectVersion | s3://heart-site-bonn/cases/p1/image.nii.gz | a withdrawal
  bonn dispatch | s3:PutObject | s3://heart-site-bonn/jobs/tavi-1/student/0001.json | claiming a job
  bonn dispatch | s3:PutObject | s3://heart-site-bonn/consents/tavi-1.json | asking a person
  bonn dispatch | s3:PutObject | FED/sites/bonn/consents/tavi-1.consent.json | telling the coordinator
  bonn withdraw | s3:PutObject | s3://heart-site-bonn/policy.json | the hospital's policy
  bonn withdraw | s3:PutObject | FED/sites/bonn/consents/tavi-1.consent.json | the hospital's answer
  bonn task inside | s3:GetObject | s3://heart-site-bonn/consents/tavi-1.json | the hospital's answer
  bonn dispatch | s3:PutObject | s3://heart-site-bonn/secure/tavi-1/secret.json | a secret for a campaign
  bonn dispatch | s3:PutObject+once | FED/updates/bonn/AT/reveal.step.json | a short answer
  bonn dispatch | s3:ListBucket | FED?campaigns/AT/seal.json | whether the round is sealed
  bonn dispatch | s3:PutObject+once | FED/updates/bonn/AT/failed.update.json | a failure
  bonn dispatch | batch:SubmitJob | arn:aws:batch:eu-central-1:111122223333:job-queue/heart-bonn | its own job
  bonn dispatch | sqs:ReceiveMessage | queue heart-bonn-tasks | its own tasks
  bonn dispatch | sqs:ChangeMessageVisibility | queue heart-bonn-tasks | its own tasks
  bonn dispatch | sqs:GetQueueAttributes | queue heart-bonn-tasks | its own tasks
  bonn task | s3:PutObject+standard | FED/updates/bonn/AT/SHA.update.json | naming the default class
  admin* | sqs:ReceiveMessage | queue heart-bonn-tasks-dlq | who operates the federation
  admin* | s3:GetObject | logs heart-site-bonn-data/x | who audits
  bonn task inside | s3:PutObject+once | FED/updates/bonn/AT/SHA.safetensors | weights
  bonn task inside | s3:PutObject+part | FED/updates/bonn/AT/SHA.safetensors | a part of large weights
  bonn task inside | s3:PutObject+once | FED/updates/bonn/AT/SHA.update.json | an update
  bonn task inside | s3:GetObject | FED/models/AT/SHA.safetensors | the global model
  bonn task inside | s3:GetObject | FED/models/AT/merged.json | which model
  bonn task inside | s3:GetObject | FED/init/tavi-1/SHA.safetensors | first weights
  bonn task inside | s3:GetObject | FED/campaigns/tavi-1/plan.json | the plan
  bonn task inside | s3:ListBucket | FED?updates/bonn/AT/ | whether it has answered
  bonn task inside | s3:DeleteObject | s3://heart-site-bonn/unfinished/tavi-1/student/0001.safetensors | a checkpoint
  graz task inside | s3:PutObject+once | FED/updates/graz/AT/SHA.safetensors | from its own account
  graz task inside | s3:GetObject | FED/models/AT/SHA.safetensors | from its own account
  graz task inside | s3:ListBucket | FED?updates/graz/AT/ | from its own account
  graz intake inside | s3:PutObject | FED/sites/graz/summary.json | from its own account
  kiel machine | s3:PutObject+once | FED/updates/kiel/AT/SHA.update.json | from the hospital
  kiel machine | s3:ListBucket | FED?campaigns/AT/seal.json | from the hospital
  kiel machine | sqs:ReceiveMessage | queue heart-kiel-tasks | from the hospital
  jena machine | s3:PutObject | FED/sites/jena/summary.json | from the hospital
  orchestrate | s3:PutObject+once | FED/campaigns/AT/open.json | a round
  orchestrate | sqs:SendMessage | queue heart-bonn-tasks | a task
  orchestrate | sqs:SendMessage | queue heart-graz-tasks | a task in another account
  aggregate | s3:ListBucket | FED?updates/bonn/AT/ | the answers
  aggregate | s3:PutObject+once | FED/campaigns/AT/seal.json | a seal
  aggregate | s3:PutObject | FED/models/AT/SHA.safetensors | a model
  aggregate | s3:PutObject+once | FED/models/AT/merged.json | which model
  aggregate | s3:PutObject+once | FED/updates/bonn/AT/SHA.refusal.json | a refusal
  merge inside | s3:PutObject+part | FED/models/AT/SHA.safetensors | a large model
  sweep | s3:PutObject+once | FED/campaigns/AT/commit.json | a commit
  research | s3:PutObject | FED/campaigns/tavi-1/campaign.json | a campaign
  research | s3:PutObject | FED/init/tavi-1/SHA.safetensors | imported weights
  research | s3:GetObject | FED/campaigns/AT/seal.json | status
  deploy* | s3:PutBucketPolicy | FED | CloudFormation, with a role of its own
`);

export const ATTACKS = [...NAMES, ...ROUNDS, ...MISTAKES, ...CASES, ...SERVICES, ...NETWORK];
