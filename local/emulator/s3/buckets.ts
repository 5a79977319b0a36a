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

/** CreateBucket. Creating a bucket again is `BucketAlreadyOwnedByYou`, as in every region except us-east-1. */
export const createBucket: Operation = async ({ store }, request) => {
  const name = bucketName(request);
  const document = await receiveDocument(request);
  // The region is ignored, because this server has only one.
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
  // AWS reports us-east-1 as empty.
  return { status: 200, body: xmlDocument('LocationConstraint', region === 'us-east-1' ? '' : region) };
};

/** DeleteBucket. Also removes incomplete uploads. */
export const deleteBucket: Operation = async ({ store }, request) => {
  const bucket = store.bucket(bucketName(request));
  if (bucket.objects.size > 0) throw new S3Error('BucketNotEmpty');
  store.commit({ op: 'delete-bucket', bucket: bucket.name });
  return { status: 204 };
};
