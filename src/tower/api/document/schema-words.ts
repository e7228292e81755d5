/** Short words for JSON Schemas. */
export const orNull = <T extends { readonly type: string }>(schema: T) => ({ ...schema, type: [schema.type, 'null'] });

/** An object that has all of its properties and no other. */
export const object = <P extends Readonly<Record<string, object>>>(description: string, properties: P) => ({
  type: 'object' as const,
  description,
  additionalProperties: false as const,
  required: Object.keys(properties),
  properties,
});
