// The name that nodes know the glob match by.
export { matchesGateway as servesGateway } from '#libs/snapshot/gateway-glob.ts';
