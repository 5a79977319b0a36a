import { siteCampaign, siteCampaigns, siteConsent } from './campaigns.ts';
import { siteCase, siteCases, sitePoints, siteVolume } from './cases.ts';
import { readiness, readinessStart } from './readiness.ts';
import { siteSent } from './sent.ts';
import { upload, uploadBegin, uploadCheck, uploadEnd, uploadFile, uploadSend } from './upload.ts';

/** What answers the routes of page/api/hospital/routes.ts. */
export const HOSPITAL_HANDLERS = {
  ...{ siteCampaigns, siteCampaign, siteConsent },
  ...{ siteCases, siteCase, sitePoints, siteVolume },
  siteSent,
  ...{ upload, uploadBegin, uploadFile, uploadCheck, uploadSend, uploadEnd },
  ...{ readiness, readinessStart },
};
