/**
 * Users of FreeRADIUS who between them are given every attribute that decides about users, and what the
 * gateway is to make of them. The pools that they need are in `attributePools`.
 */

/** `--pool` of a gateway that can give all of it. */
export const attributePools: readonly string[] = [
  "10.99.0.0/24",
  "fd00:99::/64",
  "staff=10.1.0.0/24",
  "six=fd00:6::/64",
];

/** Their entries. The password of each is its name and `pw`. */
export const attributeUsers = `
rfc Cleartext-Password := "rfcpw"
	Framed-IP-Address = 10.99.0.78,
	Framed-IP-Netmask = 255.255.255.0,
	Framed-IPv6-Address = fd00:99::78,
	Framed-Pool = "staff",
	Stateful-IPv6-Address-Pool = "six",
	Framed-Route = "10.77.0.0/24 0.0.0.0 1",
	Framed-Route += "10.78.0.0/16",
	Framed-IPv6-Route = "fd77::/64 :: 1",
	MS-Primary-DNS-Server = 10.0.0.53,
	MS-Secondary-DNS-Server = 10.0.0.54,
	MS-Primary-NBNS-Server = 10.0.0.55,
	MS-Secondary-NBNS-Server = 10.0.0.56,
	Reply-Message = "Welcome",
	Session-Timeout = 3600,
	Idle-Timeout = 600,
	Acct-Interim-Interval = 120,
	Class = "OU=staff;"
cisco Cleartext-Password := "ciscopw"
	Cisco-AVPair = "ipsec:netmask=255.255.0.0",
	Cisco-AVPair += "ipsec:addr-pool=staff",
	Cisco-AVPair += "ipsec:addrv6-pool=six",
	Cisco-AVPair += "ipsec:dns-servers=10.0.0.53 10.0.0.54",
	Cisco-AVPair += "ipsec:ipv6-dns-servers-addr=fd00::53",
	Cisco-AVPair += "ipsec:wins-servers=10.0.0.55",
	Cisco-AVPair += "ipsec:default-domain=cisco.example",
	Cisco-AVPair += "ipsec:route-set=prefix 10.50.0.0/16",
	Cisco-AVPair += "ipsec:route-set=prefix 172.16.0.0/12",
	Cisco-AVPair += "ipsec:route-set=prefix fd00:50::/64",
	Cisco-AVPair += "ipsec:split-dns=a.example,b.example",
	Cisco-AVPair += "ipsec:banner=For users of Cisco's",
	Cisco-AVPair += "ipsec:smartcard-removal-disconnect=1",
	Cisco-AVPair += "ipsec:session-lifetime=7200",
	Cisco-AVPair += "ipsec:user-vpn-group=cisco",
	Cisco-AVPair += "ipsec:whatever*passed over",
	Cisco-AVPair += "ip:interface-config=none of ours"
prefix Cleartext-Password := "prefixpw"
	Framed-IP-Address = 255.255.255.254,
	Framed-IPv6-Prefix = fd00:99::/64,
	Framed-Interface-Id = 0:0:0:77,
	Framed-IPv6-Pool = "six"
stranger Cleartext-Password := "strangerpw"
	Framed-IP-Address = 203.0.113.9
nopool Cleartext-Password := "nopoolpw"
	Framed-Pool = "nobody"
greedy Cleartext-Password := "greedypw"
	Framed-Route = "0.0.0.0/0 0.0.0.0 1"
typo Cleartext-Password := "typopw"
	Cisco-AVPair = "ipsec:addr-pol=staff"
nonsense Cleartext-Password := "nonsensepw"
	Cisco-AVPair = "ipsec:dns-servers=nowhere"
router Cleartext-Password := "routerpw"
	Framed-Route = "10.77.0.0/24 0.0.0.0 1"
groupie Cleartext-Password := "groupiepw"
	Class = "OU=staff"
`;
