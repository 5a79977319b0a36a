import { onFailure } from '../../failure.ts';
import type { Handler } from '../../handler.ts';
import { tasksOf } from '../../hospital/case-index.ts';
import { ownSite } from '../../hospital/own-site.ts';
import { perContext } from '../../hospital/per-context.ts';
import { createUploadJob } from '../../hospital/upload-job.ts';

const jobOf = perContext((context) =>
  createUploadJob({
    ...ownSite(context),
    tasks: () => tasksOf(context),
    pseudonyms: context.machine?.pseudonyms,
    onFailure,
  }),
);

/** How far the upload is. */
export const upload: Handler<'upload'> = async (context, { query: { after } }) => {
  const { version, value } = await jobOf(context).live.next(after);
  return { version, ...(value && { state: value }) };
};

export const uploadBegin: Handler<'uploadBegin'> = async (context, { body: { use, bytes } }) => ({
  upload: jobOf(context).begin(use, bytes),
});

export const uploadFile: Handler<'uploadFile'> = async (context, { query, body }) => {
  await jobOf(context).add(query.upload, query.path, body);
  return {};
};

export const uploadCheck: Handler<'uploadCheck'> = async (context, { body }) => {
  jobOf(context).check(body.upload);
  return {};
};

export const uploadSend: Handler<'uploadSend'> = async (context, { body }) => {
  jobOf(context).send(body.upload);
  return {};
};

export const uploadEnd: Handler<'uploadEnd'> = async (context, { body }) => {
  jobOf(context).end(body.upload);
  return {};
};
