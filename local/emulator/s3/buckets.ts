import { receiveDocument } from './body.ts';
import { bucketName, type Operation } from './context.ts';
import { S3Error } from './error.ts';
import { element, parseXml, xmlDocument } from './xml.ts';

/** "Bucket naming rules", S3 user guide. */
const BUCKET_NAME = /^(?!xn--|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/;

/** ListBuckets, all on one page. */
export const listBuckets: Operation = async ({ store }) => {
  const buckets = store
    .buckets()
    .map(({ name, createdAt }) => element('Bucket', element('Name', name), element('CreationDate', createdAt)));
  const owner = element('Owner', element('ID', 'local'), element('DisplayName', 'local'));
  return { status: 200, body: xmlDocument('ListAllMyBucketsResult', owner, element('Buckets', ...buckets)) };
};

/** CreateBucket. A second creation is `BucketAlreadyOwnedByYou`, as everywhere but in the first region. */
export const createBucket: Operation = async ({ store }, request) => {
  const name = bucketName(request);
  const document = await receiveDocument(request);
  // The region that it asks for is taken for granted: there is only this one place.
  if (document !== '' && parseXml(document).name !== 'CreateBucketConfiguration') throw new S3Error('MalformedXML');
  if (!BUCKET_NAME.test(name)) throw new S3Error('InvalidBucketName');
  if (store.hasBucket(name)) throw new S3Error('BucketAlreadyOwnedByYou');
  store.commit({ op: 'create-bucket', bucket: name, at: store.now().toISOString() });
  return { status: 200, headers: { location: `/${name}` } };
};

/** HeadBucket. */
export const headBucket: Operation = async ({ store, region }, request) => {
  store.bucket(bucketName(request));
  return { status: 200, headers: { 'x-amz-bucket-region': region } };
};

/** GetBucketLocation. */
export const getBucketLocation: Operation = async ({ store, region }, request) => {
  store.bucket(bucketName(request));
  // The first region has no name here, for the sake of clients older than the second.
  return { status: 200, body: xmlDocument('LocationConstraint', region === 'us-east-1' ? '' : region) };
};

/** DeleteBucket, with the uploads that were never completed. */
export const deleteBucket: Operation = async ({ store }, request) => {
  const bucket = store.bucket(bucketName(request));
  if (bucket.objects.size > 0) throw new S3Error('BucketNotEmpty');
  store.commit({ op: 'delete-bucket', bucket: bucket.name });
  return { status: 204 };
};
