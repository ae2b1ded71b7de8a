"""Find public keys that decode as keys but must not be trusted: bad Ed25519 points and RSA keys made by a known fault.

The cryptography library takes any 32 bytes for an Ed25519 key and any odd modulus for an RSA key; the rest is for its
caller. With such a key a signature proves no signer: under some of them, any party can sign.
"""

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_Y_MASK = 2**255 - 1
# `y` of the points of order eight, or its negative; for order four it is 0, for the orders two and one -1 and 1.
_Y_OF_ORDER_EIGHT = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = frozenset({0, 1, _Y_OF_ORDER_EIGHT})

# The faulty library made every prime a power of 65537 modulo the product of these and more; so its moduli are too.
_PRIMES = tuple(n for n in range(3, 168) if all(n % smaller for smaller in range(2, n)))
_POWERS = {prime: frozenset(pow(65537, power, prime) for power in range(prime)) for prime in _PRIMES}


def is_ed25519_point(raw: bytes) -> bool:
    """Tell whether 32 bytes are the one encoding of a point of the curve, of more than small order.

    RFC 8032 section 5.1.3 says what decodes. Under the eight points of small order anybody signs anything. Not
    checked: a point of small order added to a good one, which only the key's own holder can do; one library judges
    the signatures under such a key, so all nodes judge them alike.
    """
    y = int.from_bytes(raw, "little") & _Y_MASK
    if y >= _P or min(y, _P - y) in _SMALL_ORDER:
        return False
    # x^2 = u / v has a root when u * v is a square (Euler's criterion); neither is 0 here.
    u, v = y * y - 1, _D * y * y + 1
    return pow(u * v, (_P - 1) // 2, _P) == 1


def is_roca_modulus(modulus: int) -> bool:
    """Tell whether an RSA modulus bears the mark of keys that can be factored (ROCA, CVE-2017-15361).

    One honest key in two hundred million bears it by chance.
    """
    return all(modulus % prime in powers for prime, powers in _POWERS.items())
