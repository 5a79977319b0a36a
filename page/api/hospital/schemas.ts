import { caseSchema, pointsSchema, volumeQuerySchema } from './case.ts';
import { casesQuerySchema, casesSchema } from './cases.ts';
import { afterSchema } from './common.ts';
import { askedCampaignSchema, askedCampaignsSchema, decisionSchema, siteConsentSchema } from './decide.ts';
import { readinessSchema } from './readiness.ts';
import { sentSchemaOfSite } from './sent.ts';
import {
  doneSchema,
  uploadBeginSchema,
  uploadBegunSchema,
  uploadFileQuerySchema,
  uploadOwnSchema,
  uploadSchema,
} from './upload.ts';

/** Schemas of the routes of `routes.ts`. */
export const HOSPITAL_SCHEMAS = {
  siteCampaigns: { response: askedCampaignsSchema },
  siteCampaign: { response: askedCampaignSchema },
  siteConsent: { request: decisionSchema, response: siteConsentSchema },
  siteCases: { query: casesQuerySchema, response: casesSchema },
  siteCase: { response: caseSchema },
  sitePoints: { response: pointsSchema },
  siteVolume: { query: volumeQuerySchema, response: 'bytes' },
  siteSent: { response: sentSchemaOfSite },
  upload: { query: afterSchema, response: uploadSchema },
  uploadBegin: { request: uploadBeginSchema, response: uploadBegunSchema },
  uploadFile: { request: 'bytes', query: uploadFileQuerySchema, response: doneSchema },
  uploadCheck: { request: uploadOwnSchema, response: doneSchema },
  uploadSend: { request: uploadOwnSchema, response: doneSchema },
  uploadEnd: { request: uploadOwnSchema, response: doneSchema },
  readiness: { query: afterSchema, response: readinessSchema },
  readinessStart: { response: doneSchema },
} as const;
