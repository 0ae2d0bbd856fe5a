import {expect, it} from 'vitest';
import {ociReferenceFrom, textFromOciReference} from '../../../src/documents/ociReference.ts';

const digest = `@sha256:${'0'.repeat(64)}`;

it.each([
  ['oci://registry.example.org/shop/shelves:2026-11', 'registry.example.org/shop/shelves:2026-11'],
  ['oci://localhost:5000/shelves', 'localhost:5000/shelves:latest'],
  ['oci://[::1]:5000/a/b__c/d-e', '[::1]:5000/a/b__c/d-e:latest'],
  [`oci://10.0.0.1/a${digest}`, `10.0.0.1/a${digest}`],
])('%s is %s for the tools', (text, expected) => {
  expect(textFromOciReference(ociReferenceFrom(text))).toBe(expected);
});

it.each([
  'registry.example.org/shelves',
  'docker://registry.example.org/shelves',
  'oci://shelves',
  'oci:///shelves',
  'oci://registry/Shelves',
  'oci://registry/a//b',
  'oci://registry/../b',
  'oci://registry/a:',
  'oci://registry/a:-x',
  'oci://--authfile=x/a',
  'oci://registry/a@sha256:12',
  'oci://registry/a b',
])('%s is refused', text => {
  expect(() => ociReferenceFrom(text)).toThrow('is not oci://REGISTRY/REPOSITORY[:TAG]');
});

it('neither takes nor repeats a password', () => {
  const refused = () => ociReferenceFrom('oci://me:secret@registry/a');
  expect(refused).toThrow('takes no user and no password');
  expect(refused).not.toThrow(/secret/);
});
