/** Private keys (PKCS #8) made for these tests only, with openssl genpkey; used nowhere else. */

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** One key of each kind, by name. */
export const testKeys: ReadonlyMap<string, Uint8Array> = new Map([
  [
    "RSA-1024",
    "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAL7oX8kUGbJt/Q7mlB4kDiJZJJjGBts1" +
    "Xnibyb6aK/FG0jOSulweH6YkXLA+G+t+lmLR5BX6PGFxAbwaR9z/LBWPU3g9JpDnoeHvg9KHeqqmbrKr" +
    "1I7u0MUm8cCXfg4WKuWaeHbqok/3jgWyB+Szl1rF/HQyKGHHoccjUCjyrMg9AgMBAAECgYBJfpARiylx" +
    "ZaJ8cAwpplvCoWrTXbkZ/uvFpsP+GsA7/LXDoQMZn4czoOAGAYMiH/OpS4BxbYp9QNIYJk3wKFRBtlNd" +
    "xsjoCzNmN6ceEuIhV5noI5Ar9SES46r9Q9W05xcvGyCwe/14l9XvFLyXsa6Zb9mwlAG5z841nLiMfldh" +
    "CQJBAOEhdSyGmu7PLdXisivONgmZzELY6hrnnbaDF09n0xPQNOyamFCsRbHZ0yY5+8QP9Uzj8IntyV9I" +
    "n+cYze0a2BcCQQDZFZ7gGLz3jNwgzLgchNIGgajYeKKaRG7iZpM243gvdyOtmt1wE4AFY5p7SfVfZyOT" +
    "fGTA5weEqD3+r3BhrsLLAkA21CguXOX0zT5Tfe94nbMpaWyGxz9UqB4P6iNOMnIEvEt3aDs6QoqCwxMa" +
    "lzqKyHwsasMVRHUroItZBAB7A3OnAkEAy9F85bLUWSir1S/g/QXHm8xJF1XMdUMjSPY96h8QTKBzox/w" +
    "ILZuUKD//hmmg/h2cpcskeFYMbk029ckkNJgmQJAE5E1YQwbyqqQ3yfoUnknZcMH9qDDe8MoyQd9eqwJ" +
    "kDBS520GwL3pcLVo5ua+efKYRHGlgWw5fq3OUT5FYubnvQ==",
  ],
  [
    "RSA-2048",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDuwvR5MKU3JxXZ7RqFWwCb2zq6s5qw" +
    "9FkSAX/ORzQpY5G6d2uOTQKtUjgCkL0CadUwGvQY5N39HRV9j01d0D7NswnAoC2HdyIPVZi6giDN+5TD" +
    "nV+ckw1X6qIX4ULfqLBnb0HnaQjV8yDMaFgw8dBzSPlNi2d8VOjYua8GnbwaiVeRV0GNXBaEhNp/nmhz" +
    "gOEDTYTl0ZUNr4+SEDb1h2K5uMvavz6R1Ltdwz0Z1/xt+V9IbK6xhu9x1Q0jOy6JLv/Y62Q2rRW+iSHk" +
    "WHz6X/RhSkfEhHQOkNmqEwiWsaBQ6Y6U+j+MVGMA4q0ijzaoY8wDmBhyEIAuoJ2bRfGgLdEHAgMBAAEC" +
    "ggEAJ4kYukiX0v4h3Cgq0BI1k5lFrEy5PLv5U8Xzx9B6jq/yHZJQuQt/efu3UpVs9s1Xg9Oyv7yGFbeP" +
    "K29jPDmTbLRM1Ryw7VGIzkk6NQf/LpyOEaYpgt/GwdwUYyflzus76qS9oPf/go3zzGUq1U/1WGGpBnIi" +
    "/K+CrwBwPwQ3dZ0ehePC1pgUig9y2TupnrkreeJ5l7UC6ffWGyW4iyEFaxADL5/ADaAd6WQkS5ApzoYT" +
    "sVbHl2Hsl8O8kZ6rJA1F9D1gjPJS2Nv48ynYT2zgthfLy/uQVETy9ig4cMCTiXbaMWR11HglRpyZP2mY" +
    "5bEMiiCyCPKg3E0OMT8UTuGO4QKBgQD4/L6YT+7SiSa7Qv8jVQufUsIUin8yzvd63ZDkkH/OEVkHjNXZ" +
    "aF4ujfucwNvZw/bdeApyI3xjCttGCMwd97LvBJCcc3WkFN/AXdllWI0bNCRRbrt684UH63pnubZV6Dlj" +
    "YdsDW6OJgpQY7Y2zkc6vdmzIEYdeV5jjbLSRW8eYHQKBgQD1fHsDxTywuqL71eYRQj/L8zYmO3X9ffhW" +
    "r+C1jCb9ZVgqOOT3xAWEYMNvSX+8aIa/ih8HqXbf9z6/VW1ZKWUu5RJ7RpfKeaj1+YzhoMH0YF/CuaIu" +
    "/UreyY+yfFUdcfk2O+3nJkO6ShTVaO5xpfbpJPdRSCzOErcVqENNocWscwKBgDbE4ef/LTmCkdJ/WkAb" +
    "ZQMW4TpDfNdgT2/nbQfaAUMC7eKLSD8ahh0XflFs2u97+8GbtjCFPcdLjBBLvxqYcfPBvU2s2CPPs6hM" +
    "/JUedWuWfKatBPB2wLyNP8+xOjqLapRB4jtK3R5SauFQ3+qwGBbgpe0cbfqCqk7cipuu5KjBAoGAIMKu" +
    "AADQap1dptIS0/bNYMBiV5PT2TJ4c8kg6dl8UpC1xVy2YcJNIi9vpWhfnZstcF5UacdZz+XE/++8mguG" +
    "L03uu3jeRO0beUgGXw3/FEfQP8JaPH8dAMJRZPZmvXk6UtyIkTJwE2pTgW9xcsU9QDvorXY+VHn26PL9" +
    "mFygbrUCgYEA7jYuRLi78yi7Wq3KSfL5MANiLLD3jVOpc8vJVgSeWAh17U9XPJRK3MsEJValOJHM9yov" +
    "OSFYif9z4DdawA+kK/wR1k8iGj+nGGQxb3RbV2t0jj9iTGaxXeOaEGNWiJClWgESaMtb6Rx3B50O441N" +
    "8r9AjCHJ9/GD8lNMUCkbNz4=",
  ],
  [
    "P-256",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgr6+VqrB09bUK7AzrbB3v+Zs1J80cJ0IO" +
    "XGK04Q6V4pahRANCAASXCEHVJgYTP45020JzBX2mQmzDTC3M9xOHS28DIFIIBTQaHrtT/yhJBDIULH2J" +
    "7fV24vSuwTUmmbiQNaI2dx5W",
  ],
  [
    "P-384",
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBH348g7hl9Tt2qsqvNmhh0WWhdUwjpMq/g" +
    "IP7uxVoaFm0lNiAap1V17qIOEb75SQmhZANiAARGpJiinJc3gBGrXPKLpoPzz49yZPuJxyksWb7vRZRP" +
    "CynB5N0k2DJqX7iK+tyMquj4VGW008j6BZUVJVfx+H6JLXwqY913LnOOyQMYpY3tsKmqVp12NSO+lY6A" +
    "LDbifpQ=",
  ],
  [
    "P-521",
    "MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBrbXJmz/2QFRIMWSsiPMfXqDLPHzRjRKc" +
    "P0eQ66msDHRIKEr6SZdgO3YAYrsuV5svkyMbRRv3kIS2o3DFyAwHRZShgYkDgYYABADV1vOEmAsNns/M" +
    "67dsG2pmBUe/niHB6unLRHgl7B9dqmrfPsm2bI+rJQcGbBScBMFOz6stYzNmcpz5f/z//Y6VtgAlt7N0" +
    "ucuGYNP7XFQvGwTmR4tjH/2of5LORFz093DCPJ7a1G9Vn2Li7U89Y/+dh7a5hvrYNFzC1G0KjUqLBwXy" +
    "NA==",
  ],
].map(([name = "", text = ""]) => [name, decode(text)]));
