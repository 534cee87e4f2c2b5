/** Quality of service of a PUBLISH, a will or a subscription. */
export type QoS = 0 | 1 | 2;
