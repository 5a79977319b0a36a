/** The routes of a hospital's own page. All are for the role `site`: the coordinator has no access to a site's bucket. */
export const HOSPITAL_ROUTES = {
  siteCampaigns: {
    method: 'GET',
    path: '/site/campaigns',
    roles: ['site'],
    summary: 'Campaigns that have asked this site, and what would leave it for them.',
  },
  siteCampaign: {
    method: 'GET',
    path: '/site/campaigns/{campaign}',
    roles: ['site'],
    summary: 'What would leave this site for one campaign.',
  },
  siteConsent: {
    method: 'POST',
    path: '/site/campaigns/{campaign}/consent',
    roles: ['site'],
    summary: 'Records what a person of this site decides on a campaign, as `site consent` does.',
  },
  siteCases: {
    method: 'GET',
    path: '/site/cases',
    roles: ['site'],
    summary: 'A page of the cases of this site, with what intake says of them.',
  },
  siteCase: {
    method: 'GET',
    path: '/site/cases/{case}',
    roles: ['site'],
    summary: 'A case: its CT, labels, pseudo-labels, predictions and faults.',
  },
  sitePoints: {
    method: 'GET',
    path: '/site/cases/{case}/points',
    roles: ['site'],
    summary: 'Landmarks of a case, and the measurements that follow from them.',
  },
  siteVolume: {
    method: 'GET',
    path: '/site/volume',
    roles: ['site'],
    summary: 'A CT or class map of this site, as it is stored.',
  },
  siteSent: {
    method: 'GET',
    path: '/site/sent',
    roles: ['site'],
    summary: 'Every object that this site has sent to the federation.',
  },
  upload: {
    method: 'GET',
    path: '/site/upload',
    roles: ['site'],
    summary: 'How far the upload is. With `after`, answers when there is something newer.',
  },
  uploadBegin: {
    method: 'POST',
    path: '/site/upload',
    roles: ['site'],
    summary: 'Opens an upload, into a temporary folder of this machine.',
  },
  uploadFile: {
    method: 'PUT',
    path: '/site/upload/file',
    roles: ['site'],
    summary: 'Adds a file to the temporary folder.',
  },
  uploadCheck: {
    method: 'POST',
    path: '/site/upload/check',
    roles: ['site'],
    summary: 'Converts DICOM series and checks all cases, as `site import` and `site check` do.',
  },
  uploadSend: {
    method: 'POST',
    path: '/site/upload/send',
    roles: ['site'],
    summary: "Uploads what the check has accepted into the site's bucket.",
  },
  uploadEnd: {
    method: 'POST',
    path: '/site/upload/end',
    roles: ['site'],
    summary: 'Ends the upload and removes the temporary folder.',
  },
  readiness: {
    method: 'GET',
    path: '/site/readiness',
    roles: ['site'],
    summary: 'What the last check of this place found. With `after`, answers when there is something newer.',
  },
  readinessStart: {
    method: 'POST',
    path: '/site/readiness',
    roles: ['site'],
    summary: 'Checks this machine, the connection, the buckets and the queues, as `doctor` does.',
  },
} as const;
