#!/usr/bin/env python3
"""Writes the golden corpus: events in the Confluent wire format, made by fastavro.

    pip install fastavro==1.13.1 && python3 schemas/golden/make.py

The bytes are committed, and tests/golden.rs reads them for ever: a corpus file is added to, never changed. The
script refuses to change one; a new case goes into a new line of CASES.
"""

import datetime
import decimal
import io
import json
import pathlib
import struct
import sys

import fastavro

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA_ID = 258  # two distinct bytes, so that a wrong byte order shows


def at(text):
    return datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc)


def genere(**fields):
    typical = dict(
        devisId="019abf0e-7c00-7000-8000-000000000001",
        clientId="C001",
        typeBien="AUTO",
        valeur=decimal.Decimal("25000.00"),
        prime=decimal.Decimal("500.00"),
        timestamp=at("2026-11-25T04:05:06.007+00:00"),
        dateExpiration=at("2026-12-25T04:05:06.007+00:00"),
        version=1,
    )
    return typical | fields


def expire(**fields):
    typical = dict(
        devisId="019abf0e-7c00-7000-8000-000000000001",
        dateExpiration=at("2026-12-25T04:05:06.007+00:00"),
        timestamp=at("2026-12-25T04:05:07.123+00:00"),
        version=2,
    )
    return typical | fields


def emis(**fields):
    typical = dict(
        contratId="019abf0e-7c00-7000-8000-00000000c001",
        devisId="019abf0e-7c00-7000-8000-000000000001",
        clientId="C001",
        typeBien="AUTO",
        prime=decimal.Decimal("500.00"),
        dateEffet=at("2026-12-01T00:00:00.000+00:00"),
        dateFin=at("2027-12-01T00:00:00.000+00:00"),
        timestamp=at("2026-11-26T08:09:10.011+00:00"),
        version=1,
    )
    return typical | fields


def modifie(**fields):
    typical = dict(
        contratId="019abf0e-7c00-7000-8000-00000000c001",
        modification="PRIME",
        nouvelleValeur="512.50",
        timestamp=at("2027-01-02T03:04:05.006+00:00"),
        version=2,
    )
    return typical | fields


def resilie(**fields):
    typical = dict(
        contratId="019abf0e-7c00-7000-8000-00000000c001",
        motif="Véhicule vendu",
        dateResiliation=at("2027-03-01T00:00:00.000+00:00"),
        timestamp=at("2027-02-03T04:05:06.007+00:00"),
        version=3,
    )
    return typical | fields


def declare(**fields):
    typical = dict(
        sinistreId="019abf0e-7c00-7000-8000-00000000a001",
        contratId="019abf0e-7c00-7000-8000-00000000c001",
        typeSinistre="ACCIDENT",
        description="Collision à l’arrêt, pare-chocs arrière",
        dateSurvenance=at("2027-01-15T16:30:00.000+00:00"),
        montantEstime=decimal.Decimal("1800.00"),
        timestamp=at("2027-01-16T08:09:10.011+00:00"),
        version=1,
    )
    return typical | fields


def evalue(**fields):
    typical = dict(
        sinistreId="019abf0e-7c00-7000-8000-00000000a001",
        contratId="019abf0e-7c00-7000-8000-00000000c001",
        decision="ACCEPTE",
        montantEvalue=decimal.Decimal("1650.50"),
        motif="",
        timestamp=at("2027-01-20T10:11:12.013+00:00"),
        version=2,
    )
    return typical | fields


def indemnisation(**fields):
    typical = dict(
        indemnisationId="019abf0e-7c00-7000-8000-00000000b001",
        sinistreId="019abf0e-7c00-7000-8000-00000000a001",
        contratId="019abf0e-7c00-7000-8000-00000000c001",
        montant=decimal.Decimal("1650.50"),
        datePaiement=at("2027-01-22T00:00:00.000+00:00"),
        timestamp=at("2027-01-22T09:10:11.012+00:00"),
        version=3,
    )
    return typical | fields


def amounts(valeur, prime):
    return dict(valeur=decimal.Decimal(valeur), prime=decimal.Decimal(prime))


# name, schema file, event
CASES = [
    ("devis-genere-auto", "../DevisGenere.avsc", genere()),
    ("devis-genere-habitation", "../DevisGenere.avsc", genere(typeBien="HABITATION", **amounts("333.33", "5.00"))),
    ("devis-genere-autre", "../DevisGenere.avsc", genere(typeBien="AUTRE", **amounts("99.99", "1.80"))),
    ("devis-genere-smallest", "../DevisGenere.avsc", genere(clientId="a", **amounts("0.01", "0.00"))),
    ("devis-genere-one-byte", "../DevisGenere.avsc", genere(**amounts("1.27", "0.03"))),
    ("devis-genere-sign-bit", "../DevisGenere.avsc", genere(**amounts("1.28", "327.68"))),
    (
        "devis-genere-largest",
        "../DevisGenere.avsc",
        genere(clientId="c" * 64, version=2**40, **amounts("9999999999.99", "199999999.99")),
    ),
    ("devis-genere-negative", "../DevisGenere.avsc", genere(**amounts("-1.29", "-9999999999.99"))),
    ("devis-genere-before-1970", "../DevisGenere.avsc", genere(timestamp=at("1969-12-31T23:59:59.999+00:00"))),
    (
        "devis-genere-newer",
        "newer/DevisGenere.avsc",
        genere(typeBien="MOTO", canal="WEB", **amounts("4000.00", "72.00")),
    ),
    ("devis-expire", "../DevisExpire.avsc", expire()),
    ("devis-expire-late", "../DevisExpire.avsc", expire(timestamp=at("2031-01-01T00:00:00.000+00:00"))),
    ("contrat-emis-auto", "../ContratEmis.avsc", emis()),
    ("contrat-emis-habitation", "../ContratEmis.avsc", emis(typeBien="HABITATION", prime=decimal.Decimal("327.68"))),
    (
        "contrat-emis-smallest",
        "../ContratEmis.avsc",
        emis(clientId="a", typeBien="AUTRE", prime=decimal.Decimal("0.00"), dateFin=at("2026-12-01T00:00:00.001+00:00")),
    ),
    (
        "contrat-emis-largest",
        "../ContratEmis.avsc",
        emis(
            clientId="c" * 64,
            prime=decimal.Decimal("9999999999.99"),
            dateFin=at("9999-12-30T21:59:59.999+00:00"),
            version=2**62,
        ),
    ),
    ("contrat-modifie-prime", "../ContratModifie.avsc", modifie()),
    (
        "contrat-modifie-date-fin",
        "../ContratModifie.avsc",
        modifie(modification="DATE_FIN", nouvelleValeur="2028-02-29T23:59:59.999Z"),
    ),
    (
        "contrat-modifie-suspension",
        "../ContratModifie.avsc",
        modifie(modification="SUSPENSION", nouvelleValeur="Impayé depuis l’été – 3ᵉ rappel 🚗"),
    ),
    ("contrat-modifie-reprise", "../ContratModifie.avsc", modifie(modification="REPRISE", nouvelleValeur="")),
    ("contrat-modifie-autre", "../ContratModifie.avsc", modifie(modification="AUTRE", nouvelleValeur="?")),
    (
        "contrat-modifie-newer",
        "newer/ContratModifie.avsc",
        modifie(modification="FRANCHISE", nouvelleValeur="250.00", auteur="C001"),
    ),
    ("contrat-resilie", "../ContratResilie.avsc", resilie()),
    ("contrat-resilie-empty", "../ContratResilie.avsc", resilie(motif="")),
    ("contrat-resilie-long", "../ContratResilie.avsc", resilie(motif="Déménagé à Saint-Étienne, là-bas 🏠. " * 40)),
    ("sinistre-declare-accident", "../SinistreDeclare.avsc", declare()),
    ("sinistre-declare-vol", "../SinistreDeclare.avsc", declare(typeSinistre="VOL")),
    ("sinistre-declare-incendie", "../SinistreDeclare.avsc", declare(typeSinistre="INCENDIE", description="🔥 " * 150)),
    (
        "sinistre-declare-eaux",
        "../SinistreDeclare.avsc",
        declare(typeSinistre="DEGAT_DES_EAUX", montantEstime=decimal.Decimal("9999999999.99")),
    ),
    ("sinistre-declare-autre", "../SinistreDeclare.avsc", declare(typeSinistre="AUTRE", montantEstime=decimal.Decimal("0.01"))),
    ("sinistre-declare-newer", "newer/SinistreDeclare.avsc", declare(typeSinistre="GRELE", canal="WEB")),
    ("sinistre-evalue-accepte", "../SinistreEvalue.avsc", evalue()),
    (
        "sinistre-evalue-rejete",
        "../SinistreEvalue.avsc",
        evalue(decision="REJETE", montantEvalue=decimal.Decimal("0.00"), motif="Exclusion : conduite sans permis"),
    ),
    ("sinistre-evalue-newer", "newer/SinistreEvalue.avsc", evalue(decision="PARTIEL", expert="E-7")),
    ("indemnisation-effectuee", "../IndemnisationEffectuee.avsc", indemnisation()),
    (
        "indemnisation-effectuee-largest",
        "../IndemnisationEffectuee.avsc",
        indemnisation(montant=decimal.Decimal("9999999999.99"), version=2**62),
    ),
]


def readable(value):
    if isinstance(value, decimal.Decimal):
        return f"{value:.2f}"
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def readable_fields(event):
    return {field: readable(value) for field, value in event.items()}


def read_today(body, schema_file):
    """The event as a reader with the present schema sees it."""
    writer = fastavro.parse_schema(json.loads((HERE / schema_file).read_text()))
    reader = fastavro.parse_schema(json.loads((HERE.parent / pathlib.Path(schema_file).name).read_text()))
    return fastavro.schemaless_reader(io.BytesIO(body), writer, reader)


def main():
    expected = []
    for name, schema_file, event in CASES:
        schema = fastavro.parse_schema(json.loads((HERE / schema_file).read_text()))
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema, event)
        framed = struct.pack(">bI", 0, SCHEMA_ID) + body.getvalue()
        path = HERE / f"{name}.bin"
        if path.exists() and path.read_bytes() != framed:
            sys.exit(f"{path.name} would change: an event that was once published must stay readable")
        path.write_bytes(framed)
        case = {"name": name, "schema": schema_file, "schemaId": SCHEMA_ID, "event": readable_fields(event)}
        if schema_file.startswith("newer/"):
            case["read"] = readable_fields(read_today(body.getvalue(), schema_file))
        expected.append(case)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


main()
