/** Predictions on the machine that serves the page. The CT does not leave it. */
export const PREDICT_ROUTES = {
  models: {
    method: 'GET',
    path: '/models',
    roles: ['coordinator'],
    summary: 'Stages of completed campaigns that have a model.',
  },
  predictions: {
    method: 'GET',
    path: '/predictions',
    roles: ['coordinator', 'site'],
    summary: 'Predictions on this machine, the newest first. With `after`, answers when there is something newer.',
  },
  addPrediction: {
    method: 'POST',
    path: '/predictions',
    roles: ['coordinator', 'site'],
    summary: 'Opens a folder on this machine for a CT and its prediction.',
  },
  prediction: {
    method: 'GET',
    path: '/predictions/{prediction}',
    roles: ['coordinator', 'site'],
    summary: 'What a model found in a CT: measurements, points, volumes, pictures, files.',
  },
  givePrediction: {
    method: 'PUT',
    path: '/predictions/{prediction}/given/{part}/{file}',
    roles: ['coordinator', 'site'],
    summary: 'Adds a file of the CT (part `ct`) or the model package (part `model`).',
  },
  startPrediction: {
    method: 'POST',
    path: '/predictions/{prediction}/start',
    roles: ['coordinator', 'site'],
    summary: 'Puts a prediction into the queue. One at a time runs.',
  },
  cancelPrediction: {
    method: 'POST',
    path: '/predictions/{prediction}/cancel',
    roles: ['coordinator', 'site'],
    summary: 'Stops a prediction.',
  },
  removePrediction: {
    method: 'DELETE',
    path: '/predictions/{prediction}',
    roles: ['coordinator', 'site'],
    summary: 'Removes a prediction and its CT from this machine.',
  },
  predictionFile: {
    method: 'GET',
    path: '/predictions/{prediction}/files/{file}',
    roles: ['coordinator', 'site'],
    summary: 'A file of a prediction, or its CT.',
  },
} as const;
