"""The certificate that signs C2PA manifests where the operator names none: made once, kept sealed beside the record."""

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bowstreet.accountability.keys import new_key
from bowstreet.accountability.recorder import Recorder
from bowstreet.runtime.ports import Clock
from bowstreet.runtime.records import Collection
from bowstreet.video.evidence.credentials import Certificate, self_made

# The record's kind and its only id. It is among `accountability.sealed.SEALED_KINDS`.
KIND = "evidence-key"


class HeldKey(msgspec.Struct, frozen=True, kw_only=True):
    key_id: str
    seed: bytes
    chain: bytes


async def own_certificate(recorder: Recorder, operator: str, clock: Clock) -> Certificate:
    """The one that is kept, made now if there is none. `clock`: real time, which is what certificates are held against.

    Raises:
        StoreUnavailable: it cannot be kept.
    """
    keys: Collection[HeldKey] = Collection(KIND, HeldKey, id_of=lambda one: one.key_id)
    await keys.load(recorder.store)
    held = keys.find(KIND)
    if held is None:
        seed = new_key()
        held = HeldKey(key_id=KIND, seed=seed, chain=self_made(seed, operator, clock))
        await recorder.record(save=[(keys, held)])
    return Certificate(held.chain, Ed25519PrivateKey.from_private_bytes(held.seed))
