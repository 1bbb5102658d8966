"""What an operator confirms: why, and for some steps one thing more."""

from django import forms


class NoteForm(forms.Form):
    """Every step may say why; the history keeps it."""

    note = forms.CharField(
        label="Why",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For the history: whoever looks later wants to know.",
    )


class CanaryForm(NoteForm):
    """The canary's share; a person keeps their version while it stands."""

    share = forms.IntegerField(
        label="Share of visitors (%)", min_value=1, max_value=100, initial=10
    )
    field_order = ("share", "note")


class RetireForm(NoteForm):
    """Whether the files go as well."""

    delete = forms.BooleanField(
        label="Delete its files too",
        required=False,
        help_text="Otherwise they are kept, and the version can be loaded again.",
    )
    field_order = ("delete", "note")
