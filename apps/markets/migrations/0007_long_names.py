from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('markets', '0006_price_places'),
    ]

    operations = [
        migrations.AlterField(
            model_name='brokerinstrument',
            name='symbol',
            field=models.CharField(max_length=80),
        ),
        migrations.AlterField(
            model_name='brokerinstrument',
            name='token',
            field=models.CharField(max_length=80),
        ),
    ]
