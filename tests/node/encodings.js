// The two encodings of the protocol. The library brings a class for each; with Protobuf payloads are bytes.

import { Centrifuge as JsonClient } from 'centrifuge';
import { Centrifuge as ProtobufClient } from 'centrifuge/build/protobuf';

import { TRANSPORT } from './transport.js';

const writer = new TextEncoder();
const reader = new TextDecoder();

export const json = {
  name: 'json',
  Client: JsonClient,
  pack: (value) => value,
  unpack: (data) => data,
};

/** Payloads are JSON text all the same, so that one test can say what it expects of both. */
export const protobuf = {
  name: 'protobuf',
  Client: ProtobufClient,
  pack: (value) => writer.encode(JSON.stringify(value)),
  unpack: (data) => (data === undefined || data === null || data.length === 0 ? undefined : JSON.parse(reader.decode(data))),
};

/** Those that the run's transport carries: events are text. */
export const ENCODINGS = TRANSPORT === 'sse' ? [json] : [json, protobuf];
